import type { ParseArgsConfig } from 'node:util'
import type { Environment } from './settings.ts'

/** What a command may read and where it writes. */
export type CommandContext = {
  readonly environment: Environment
  /** The file that was started; `start` runs it again for the bridge. */
  readonly program: string
  readonly terminal: Terminal
  /** A line for the person, on stdout. */
  print(line: string): void
  /** A line about something wrong, on stderr. */
  warn(line: string): void
}

/** Where progress is drawn. */
export type Terminal = {
  readonly isTTY: boolean
  readonly columns: number
  write(text: string): void
  readonly paint: Paint
}

/** Marks text for the eye; where no person watches, the text stays as it is. */
export type Paint = (style: 'bold' | 'dim' | 'green', text: string) => string

/** The command's words after its name. */
export type CommandArguments = {
  readonly options: Readonly<Record<string, string | boolean | undefined>>
  readonly words: readonly string[]
}

/** Runs to its end and gives the exit code. Throws an OperatorError for what the person must put right. */
export type RunCommand = (args: CommandArguments, context: CommandContext) => Promise<number>

/** A command as `divan --help` shows it. Its code is loaded when it is called for. */
export type Command = {
  readonly name: string
  readonly usage: string
  readonly text: string
  readonly options: NonNullable<ParseArgsConfig['options']>
  /** One line for each option: how it is written, and what it does. */
  readonly optionTexts: readonly (readonly [usage: string, text: string])[]
  /** The words it takes besides options. */
  readonly words: readonly string[]
  /** It takes one word of any kind instead: what this is, as `usage` writes it. In brackets: or none. */
  readonly argument?: string | undefined
  load(): Promise<RunCommand>
}
