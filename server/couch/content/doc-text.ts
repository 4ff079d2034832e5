import type { Attachment, Leaf, Revision, Revisions, RevTree } from '../../store/store.ts'

/**
 * The JSON text of a document: its stored body with `_id`, `_rev` and what else was asked for spliced in front. The body is
 * never parsed. `members` is text that begins with a comma, made by the functions below.
 */
export function docText(
  id: string,
  revision: Revision,
  members = '',
  attachmentText: (attachment: Attachment) => string = attachmentStub,
): string {
  const attachments =
    revision.attachments === undefined
      ? ''
      : `,"_attachments":{${attachmentTexts(revision.attachments, attachmentText)}}`
  return `${docHead(id, revision)}${members}${attachments}${docTail(revision.body)}`
}

/** Up to the members that were asked for; an open object. */
export function docHead(id: string, revision: Revision): string {
  const deleted = revision.deleted ? ',"_deleted":true' : ''
  return `{"_id":${JSON.stringify(id)},"_rev":"${revision.rev}"${deleted}`
}

/** The body's members and the closing brace. */
export function docTail(body: string): string {
  return body.length > 2 ? `,${body.slice(1)}` : '}'
}

function attachmentTexts(
  attachments: readonly Attachment[],
  text: (attachment: Attachment) => string,
): string {
  return attachments.map(attachment => `${JSON.stringify(attachment.name)}:${text(attachment)}`).join(',')
}

/** `{…}` of one attachment without its bytes. */
export function attachmentStub(attachment: Attachment): string {
  return `${attachmentHead(attachment)},"length":${attachment.length},"stub":true}`
}

/** `{…}` of one attachment whose bytes come behind the document, in a part of their own. */
export function attachmentFollows(attachment: Attachment): string {
  return `${attachmentHead(attachment)},"length":${attachment.length},"follows":true}`
}

/** What a stub and an attachment with its bytes have in common; an open object. */
export function attachmentHead({ contentType, revpos, digest }: Attachment): string {
  return `{"content_type":${JSON.stringify(contentType)},"revpos":${revpos},"digest":"${digest}"`
}

export function revisionsMember({ start, ids }: Revisions): string {
  return `,"_revisions":{"start":${start},"ids":["${ids.join('","')}"]}`
}

export function revsInfoMember(tree: RevTree, rev: string): string {
  return `,"_revs_info":${JSON.stringify(tree.revsInfo(rev))}`
}

export function localSeqMember(seq: number): string {
  return `,"_local_seq":${seq}`
}

/** The other live leaves. Empty, and so absent, without any. */
export function conflictsMember(leaves: readonly Leaf[]): string {
  return revsMember(
    '_conflicts',
    leaves.filter((leaf, rank) => rank > 0 && !leaf.deleted),
  )
}

export function deletedConflictsMember(leaves: readonly Leaf[]): string {
  return revsMember(
    '_deleted_conflicts',
    leaves.filter((leaf, rank) => rank > 0 && leaf.deleted),
  )
}

function revsMember(name: string, leaves: readonly Leaf[]): string {
  return leaves.length === 0 ? '' : `,"${name}":["${leaves.map(leaf => leaf.rev).join('","')}"]`
}
