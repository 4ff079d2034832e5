import type { CommandArguments, RunCommand } from '../command.ts'
import { OperatorError, operatorErrorFrom } from '../operator-error.ts'
import { readSettings } from '../settings.ts'
import { exitAtSignal } from '../stop-signal.ts'
import { comeOnline } from './come-online.ts'
import type { DemoParts } from './demo-parts.ts'
import { checkTarget, demoTarget } from './demo-target.ts'
import { mirrorTable } from './mirror-table.ts'
import { MirrorView } from './mirror-view.ts'
import { Phone } from './phone.ts'
import { Screen } from './screen.ts'
import { stayOnline } from './stay-online.ts'
import { type HistoryOptions, trainingHistory } from './training-history.ts'
import { writeOffline } from './write-offline.ts'

const DEFAULT_SEED = '1'
const DEFAULT_SESSIONS = '200'
const MAX_SESSIONS = 10_000

/** `divan demo`: acts as a phone of the demo user, from its first offline note to rows in Postgres. */
export const demo: RunCommand = async ({ options }, context) => {
  const { settings } = readSettings(context.environment)
  const history = trainingHistory(historyOptions(options))
  const target = demoTarget(settings, { url: textOf(options.url), token: textOf(options.token) })
  await checkTarget(target)
  const mirror =
    target.databaseUrl === undefined ? undefined : new MirrorView(target.databaseUrl, target.user)
  // What comes next in the terminal begins on a line of its own.
  const releaseSignals = exitAtSignal(() => context.terminal.isTTY && context.print(''))
  const phone = new Phone()
  try {
    return await actAsPhone({ phone, history, target, mirror, screen: new Screen(context.terminal) })
  } catch (error) {
    throw operatorErrorFrom(error)
  } finally {
    await phone.close()
    releaseSignals()
  }
}

async function actAsPhone(parts: DemoParts): Promise<number> {
  await writeOffline(parts)
  const hasArrived = await comeOnline(parts)
  const isLive = hasArrived && (await stayOnline(parts))
  await showTables(parts)
  return isLive ? 0 : 1
}

async function showTables({ mirror, screen }: DemoParts): Promise<void> {
  if (mirror === undefined) {
    screen.line('\nSet DATABASE_URL to the Postgres of the bridge to see the rows here.')
    return
  }
  screen.heading('What Postgres holds now')
  for (const line of mirrorTable(await mirror.summary(), screen.width)) screen.line(line)
  screen.line()
}

function historyOptions({
  seed = DEFAULT_SEED,
  sessions = DEFAULT_SESSIONS,
}: CommandArguments['options']): HistoryOptions {
  const mistakes: string[] = []
  if (!/^\d{1,9}$/.test(String(seed)))
    mistakes.push(`--seed is ${JSON.stringify(seed)}, but must be a whole number`)
  if (!/^\d{1,5}$/.test(String(sessions)) || Number(sessions) < 1 || Number(sessions) > MAX_SESSIONS)
    mistakes.push(`--sessions is ${JSON.stringify(sessions)}, but must be a number from 1 to ${MAX_SESSIONS}`)
  if (mistakes.length > 0) throw new OperatorError(mistakes)
  return { seed: Number(seed), sessions: Number(sessions) }
}

function textOf(option: string | boolean | undefined): string | undefined {
  return typeof option === 'string' ? option : undefined
}
