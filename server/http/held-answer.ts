import type { Answer } from './route.ts'
import { type AnswerRoom, LIGHT_ANSWER_BYTES } from './unread-answers.ts'

/** An answer that may be written now. */
export type HeldAnswer = {
  readonly answer: Answer
  /** Where its bytes count as unread. Absent: they are few, or counted already. */
  readonly room?: AnswerRoom | undefined
  /** How to give its room back then. */
  readonly giveBack?: (() => void) | undefined
}

type Make = () => Answer | Promise<Answer>

/**
 * Makes an answer and finds room for it. A large one for which there is none is forgotten and made again once there is, if it may be
 * made twice: sixty documents of 8 MB that waited for room would have been the very memory they waited for.
 * Most are light, and ask for no room at all.
 */
export function heldAnswer(
  make: Make,
  mayRepeat: boolean,
  roomOf: () => AnswerRoom,
): HeldAnswer | Promise<HeldAnswer> {
  const again = mayRepeat ? make : undefined
  const made = make()
  return made instanceof Promise
    ? made.then(answer => heldOnce(answer, again, roomOf))
    : heldOnce(made, again, roomOf)
}

/** No `async` function, and nothing in here keeps the answer: of one that is made `again` nothing may be left while it waits. */
function heldOnce(
  made: Answer,
  again: Make | undefined,
  roomOf: () => AnswerRoom,
): HeldAnswer | Promise<HeldAnswer> {
  const answer = asText(made)
  const bytes = lengthOf(answer)
  if (!('write' in answer) && bytes <= LIGHT_ANSWER_BYTES) return { answer }
  const room = roomOf()
  if ('write' in answer)
    return answer.isRead && again && !room.hasRoom() ? readAgain(again, room) : { answer, room }
  const giveBack = room.tryHold(bytes)
  if (giveBack !== undefined) return { answer: asBytes(answer), giveBack }
  return again ? madeAgain(again, room, bytes) : keptUntil(room, bytes, asBytes(answer))
}

async function readAgain(again: Make, room: AnswerRoom): Promise<HeldAnswer> {
  await room.room()
  return { answer: await again(), room }
}

async function madeAgain(again: Make, room: AnswerRoom, bytes: number): Promise<HeldAnswer> {
  const giveBack = await room.waitHold(bytes)
  try {
    return { answer: asBytes(asText(await again())), giveBack }
  } catch (error) {
    giveBack()
    throw error
  }
}

async function keptUntil(room: AnswerRoom, bytes: number, answer: Answer): Promise<HeldAnswer> {
  return { answer, giveBack: await room.waitHold(bytes) }
}

function asText(answer: Answer): Answer {
  if (!('json' in answer)) return answer
  const { status, headers, json } = answer
  return { status, headers, text: `${JSON.stringify(json)}\n` }
}

function lengthOf(answer: Answer): number {
  if ('text' in answer) return answer.text.length
  return 'bytes' in answer ? answer.bytes.length : 0
}

/** Bytes are not on the heap, of which there may be little. */
function asBytes(answer: Answer): Answer {
  if (!('text' in answer)) return answer
  const { status, headers, text } = answer
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, bytes: Buffer.from(text) }
}
