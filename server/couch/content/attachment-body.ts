import { hash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { CouchError } from '../../couch-error.ts'
import type { AttachmentEdit, AttachmentUpload, Database } from '../../store/store.ts'
import { checkAttachmentSize } from './attachment-input.ts'

/** Up to here the bytes go with their edit, in one commit; an upload takes one for each of its pieces. */
const MAX_MEMORY_BYTES = 256 * 1024

/** An attachment's bytes once all of them have arrived: as an edit names them. To be closed after the edit. */
export type AttachmentBody = {
  readonly bytes: Pick<AttachmentEdit, 'data'> | Pick<AttachmentEdit, 'upload'>
  close(): Promise<void>
}

export type AttachmentBodyOptions = {
  readonly headers: IncomingHttpHeaders
  readonly name: string
  readonly maxBytes: number
  /** How many bytes may wait in memory for their edit; 256 KiB if it is the edit's only attachment. */
  readonly maxMemoryBytes?: number | undefined
}

/** Receives an attachment's bytes, into the store if they are many. What is refused or cut off leaves nothing behind. */
export async function receiveAttachment(
  stream: AsyncIterable<Uint8Array>,
  database: Database,
  options: AttachmentBodyOptions,
): Promise<AttachmentBody> {
  checkDeclaredSize(options)
  const maxMemoryBytes = Math.min(options.maxMemoryBytes ?? MAX_MEMORY_BYTES, MAX_MEMORY_BYTES)
  const few: Uint8Array[] = []
  let upload: AttachmentUpload | undefined
  let length = 0
  try {
    for await (const chunk of stream) {
      length += chunk.length
      checkAttachmentSize(options.name, length, options.maxBytes)
      few.push(chunk)
      if (length <= maxMemoryBytes) continue
      upload ??= database.upload()
      for (const bytes of few.splice(0)) await upload.write(bytes)
    }
    return await finished(upload, few, options)
  } catch (error) {
    await upload?.close()
    throw error
  }
}

async function finished(
  upload: AttachmentUpload | undefined,
  few: readonly Uint8Array[],
  { headers }: AttachmentBodyOptions,
): Promise<AttachmentBody> {
  if (upload === undefined) {
    const data = Buffer.concat(few)
    if (headers['content-md5'] !== undefined) checkMd5(headers, hash('md5', data, 'base64'))
    return { bytes: { data }, close: async () => {} }
  }
  const uploaded = await upload.finish()
  checkMd5(headers, uploaded.digest.replace(/^md5-/, ''))
  return { bytes: { upload: uploaded }, close: () => upload.close() }
}

/** A body that says how long it is need not be read to be refused. What is compressed becomes longer, so the check of its bytes counts. */
function checkDeclaredSize({ headers, name, maxBytes }: AttachmentBodyOptions): void {
  if (!isEncoded(headers)) checkAttachmentSize(name, Number(headers['content-length'] ?? 0), maxBytes)
}

/** `Content-MD5` is that of the bytes as they travel (RFC 1864), so what came compressed cannot be checked: it is unpacked by now. */
function checkMd5(headers: IncomingHttpHeaders, md5: string): void {
  const claimed = headers['content-md5']
  if (claimed === undefined || claimed === md5 || isEncoded(headers)) return
  throw new CouchError('content_md5_mismatch', 'Possible message corruption.')
}

function isEncoded(headers: IncomingHttpHeaders): boolean {
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase()
  return encoding !== '' && encoding !== 'identity'
}
