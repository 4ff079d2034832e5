import type { AttachmentEdit, AttachmentUpload, Edit } from '../store.ts'

/** An attachment from here on is stored before its edit, in short transactions: sixty megabytes in one hold up everybody's writes. */
const STAGED_BYTES = 1024 * 1024

/** Edits whose large attachments are in the store already, to be closed after they are written. */
export type StagedEdits = { readonly edits: readonly Edit[]; close(): Promise<void> }

export function hasLargeAttachment({ attachments = [] }: Edit): boolean {
  return attachments.some(isLarge)
}

/** Uploads what is large in these edits, one attachment after the other. */
export async function stageAttachments(
  edits: readonly Edit[],
  newUpload: () => AttachmentUpload,
): Promise<StagedEdits> {
  const uploads: AttachmentUpload[] = []
  const close = async () => {
    for (const upload of uploads) await upload.close()
  }
  const stage = async (attachment: AttachmentEdit): Promise<AttachmentEdit> => {
    if (attachment.data === undefined || !isLarge(attachment)) return attachment
    const upload = newUpload()
    uploads.push(upload)
    await upload.write(attachment.data)
    return { ...attachment, data: undefined, upload: await upload.finish() }
  }
  try {
    const staged: Edit[] = []
    for (const edit of edits) {
      const attachments: AttachmentEdit[] = []
      for (const attachment of edit.attachments ?? []) attachments.push(await stage(attachment))
      staged.push(edit.attachments === undefined ? edit : { ...edit, attachments })
    }
    return { edits: staged, close }
  } catch (error) {
    await close()
    throw error
  }
}

function isLarge({ data }: AttachmentEdit): boolean {
  return data !== undefined && data.byteLength > STAGED_BYTES
}
