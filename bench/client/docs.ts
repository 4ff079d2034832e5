import { createHash } from 'node:crypto'

/** How many documents are written in one request. */
export const BATCH_DOCS = 500
/** Of a document as JSON, its id included. */
export const DOC_BYTES = 500

/** The id of the document with this number: in the order of the numbers, as ids of a phone often are. */
export function docId(number: number): string {
  return `session:${String(number).padStart(10, '0')}`
}

/** The revision it is given where replicated changes are written. */
export function docRev(number: number): string {
  return `1-${createHash('md5').update(String(number)).digest('hex')}`
}

/** A document of so many bytes, a workout with numbers and text. `underscored` are the members it has besides. */
export function docText(number: number, bytes = DOC_BYTES, underscored = ''): string {
  const head = `{"_id":"${docId(number)}",${underscored}"type":"session","timestamp":${1.7e12 + number},"mode":"OldSchool","weightPerCableKg":42.5,"workingReps":${number % 20},"notes":"`
  const bare = head.length - underscored.length + '"}'.length
  return `${head}${noteOf(number, Math.max(0, bytes - bare))}"}`
}

/** The same as a phone sends it that replicates. */
export function replicatedDocText(number: number, bytes = DOC_BYTES): string {
  const rev = docRev(number)
  return docText(number, bytes, `"_rev":"${rev}","_revisions":{"start":1,"ids":["${rev.slice(2)}"]},`)
}

/** The bodies of `_bulk_docs` that write the documents from `first` on. */
export function bulkBodies(first: number, count: number, newEdits: boolean, bytes = DOC_BYTES): Buffer[] {
  const text = newEdits ? docText : replicatedDocText
  return batchesOf(first, count).map(numbers => {
    const docs = numbers.map(number => text(number, bytes)).join(',')
    return Buffer.from(newEdits ? `{"docs":[${docs}]}` : `{"new_edits":false,"docs":[${docs}]}`)
  })
}

/** Numbers from `first` on, in batches. */
export function batchesOf(first: number, count: number, size = BATCH_DOCS): number[][] {
  const batches: number[][] = []
  for (let start = 0; start < count; start += size)
    batches.push(Array.from({ length: Math.min(size, count - start) }, (_, place) => first + start + place))
  return batches
}

const WORDS = 'bench press squat row curl plank stretch warm cool set rep pause slow fast heavy light'.split(
  ' ',
)

function noteOf(number: number, length: number): string {
  let text = ''
  for (let place = number; text.length < length; place = (place * 31 + 7) % 1009)
    text += `${WORDS[place % WORDS.length]} `
  return text.slice(0, length)
}
