import { type DeadLetter, newestDeadLetters, replayDeadLetters } from '../bridge/dead-letters.ts'
import type { CommandContext, RunCommand } from './command.ts'
import { mirrorDatabaseUrl, mirrorUrls } from './mirror-urls.ts'
import { operatorErrorFrom } from './operator-error.ts'
import { printableText } from './printable-text.ts'
import { readSettings } from './settings.ts'

/** `divan dead-letters [replay]`: what fits no table, and trying it again. */
export const deadLetters: RunCommand = async ({ words }, context) => {
  const { settings } = readSettings(context.environment)
  try {
    if (words.includes('replay')) await replay(mirrorUrls(settings), context)
    else printLetters(await newestDeadLetters(mirrorDatabaseUrl(settings), MAX_LISTED), context)
  } catch (error) {
    throw operatorErrorFrom(error)
  }
  return 0
}

async function replay(
  urls: { serverUrl: string; databaseUrl: string },
  { print }: CommandContext,
): Promise<void> {
  const { replayed, closed, left } = await replayDeadLetters(urls)
  print(`${counted(replayed)} tried again, ${closed} mended, ${left} left`)
}

function counted(letters: number): string {
  return letters === 1 ? '1 dead letter' : `${letters} dead letters`
}

/** Nobody reads more. */
const MAX_LISTED = 1000

type Letters = { readonly letters: readonly DeadLetter[]; readonly count: number }

/** A letter is a few lines: ids and reasons are too long for columns. */
function printLetters({ letters, count }: Letters, { print, terminal: { paint } }: CommandContext): void {
  for (const letter of letters) {
    const where = letter.path === undefined ? '' : `${printableText(letter.path)}: `
    print(
      paint('bold', printableText(letter.docId)) +
        (letter.rev === undefined ? '' : `  ${printableText(letter.rev)}`),
    )
    print(`  ${where}${printableText(letter.reason)}`)
    print(`  ${paint('dim', `in ${letter.database}, ${attempts(letter)}`)}`)
    print('')
  }
  const advice = 'a new revision of the document mends it; npx divan dead-letters replay tries again'
  print(
    letters.length === 0 ? 'No dead letters: every document has its rows.' : `${counted(count)}: ${advice}`,
  )
  if (count > letters.length)
    print(`These are the last ${letters.length}. All of them: select * from divan.dead_letters`)
}

function attempts({ attempts, firstFailedAt, lastFailedAt }: DeadLetter): string {
  const first = firstFailedAt.toISOString().slice(0, 19)
  const last = lastFailedAt.toISOString().slice(0, 19)
  return attempts === 1 ? `tried once, ${first}Z` : `tried ${attempts} times, first ${first}Z, last ${last}Z`
}
