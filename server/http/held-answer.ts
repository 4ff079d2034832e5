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

/**
 * Makes an answer and finds room for it. A large one for which there is none is forgotten and made again once there is, if it may be
 * made twice: sixty documents of 8 MB that waited for room would have been the very memory they waited for.
 * Most are light, and ask for no room at all.
 */
export async function heldAnswer(
  make: () => Answer | Promise<Answer>,
  mayRepeat: boolean,
  roomOf: () => AnswerRoom,
): Promise<HeldAnswer> {
  const made = await makeHeld(make, mayRepeat, roomOf)
  if (made === 'again') {
    const room = roomOf()
    await room.room()
    return { answer: await make(), room }
  }
  if (typeof made !== 'number') return made
  const giveBack = await roomOf().waitHold(made)
  try {
    return { answer: asBytes(asText(await make())), giveBack }
  } catch (error) {
    giveBack()
    throw error
  }
}

/** A number: it has so many bytes, and there is no room for them. `again`: nor is there for it, and nobody knows how many bytes it has. */
async function makeHeld(
  make: () => Answer | Promise<Answer>,
  mayRepeat: boolean,
  roomOf: () => AnswerRoom,
): Promise<HeldAnswer | number | 'again'> {
  const answer = asText(await make())
  const bytes = lengthOf(answer)
  if (!('write' in answer) && bytes <= LIGHT_ANSWER_BYTES) return { answer }
  const room = roomOf()
  if ('write' in answer) return answer.isRead && mayRepeat && !room.hasRoom() ? 'again' : { answer, room }
  const giveBack = room.tryHold(bytes)
  if (giveBack !== undefined) return { answer: asBytes(answer), giveBack }
  if (mayRepeat) return bytes
  return { answer: asBytes(answer), giveBack: await room.waitHold(bytes) }
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
