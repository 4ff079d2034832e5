import { type ParseArgsConfig, parseArgs } from 'node:util'
import type { Command, CommandArguments, CommandContext } from './command.ts'
import { commandTable } from './command-table.ts'
import { editDistance, nearestWord } from './nearest-word.ts'
import { OperatorError } from './operator-error.ts'
import { commandHelp, programHelp } from './print-help.ts'
import { programVersion } from './program-version.ts'

/** Further from every command than this, a word is not taken for a mistyped one. */
const LIKELY_TYPO_EDITS = 2

/** Finds the command that these words call for and runs it; gives the exit code. */
export async function runCommand(words: readonly string[], context: CommandContext): Promise<number> {
  const [name, ...rest] = words
  if (name === undefined || name === '--help' || name === '-h' || name === 'help')
    return printAll(programHelp(), context, name === undefined ? 1 : 0)
  if (name === '--version' || name === '-v') return printAll([programVersion(context.program)], context, 0)
  const command = commandNamed(name)
  if (rest.includes('--help') || rest.includes('-h')) return printAll(commandHelp(command), context, 0)
  const args = parseWords(command, rest)
  const run = await command.load()
  return await run(args, context)
}

function printAll(lines: readonly string[], context: CommandContext, exitCode: number): number {
  for (const line of lines) context.print(line)
  return exitCode
}

function commandNamed(name: string): Command {
  const command = commandTable.find(candidate => candidate.name === name)
  if (command !== undefined) return command
  const kind = name.startsWith('-') ? 'option' : 'command'
  const nearest = nearestWord(name, [...commandTable.map(candidate => candidate.name), '--help', '--version'])
  const isClose = nearest !== undefined && editDistance(name, nearest) <= LIKELY_TYPO_EDITS
  const advice = isClose ? `did you mean ${nearest}?` : 'see npx divan --help'
  throw new OperatorError(`${kind} ${name} is unknown; ${advice}`)
}

function parseWords(command: Command, words: readonly string[]): CommandArguments {
  const config: ParseArgsConfig = {
    args: [...words],
    options: command.options,
    allowPositionals: true,
    strict: true,
  }
  try {
    const { values, positionals } = parseArgs(config)
    checkWords(command, positionals)
    return { options: values as CommandArguments['options'], words: positionals }
  } catch (cause) {
    throw new OperatorError(`${usageMistake(cause)}; usage: npx divan ${command.usage}`, { cause })
  }
}

function checkWords({ words, argument }: Command, given: readonly string[]): void {
  const [first, second] = given
  const isOptional = argument?.startsWith('[')
  if (argument !== undefined && first === undefined && !isOptional)
    throw new Error(`Argument ${argument} is missing`)
  const unknown = argument === undefined ? given.find(word => !words.includes(word)) : second
  if (unknown !== undefined) throw new Error(`Unexpected argument '${unknown}'`)
}

/** Node's own words about a wrong option, without its advice for programmers. */
function usageMistake(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause)
  return (message.split(/\.\s|\n/)[0] ?? message).replace(/\.$/, '')
}
