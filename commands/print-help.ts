import type { Command } from './command.ts'
import { commandTable } from './command-table.ts'
import { type Setting, settingTable } from './settings.ts'

/** What every terminal has. */
const WIDTH = 80

/** Where the texts begin: behind the longest usage. */
const TEXT_COLUMN = 38

/** What `divan --help` prints: the commands and every setting. */
export function programHelp(): readonly string[] {
  return [
    'Divan: a couch for every user, a row for every document.',
    '',
    'Usage: npx divan <command> [options]',
    '',
    ...inColumns(commandTable.map(command => [command.usage, command.text])),
    ...inColumns([
      ['<command> --help', 'the options of a command'],
      ['--version', 'the version'],
    ]),
    '',
    'Settings are environment variables:',
    '',
    ...Object.values<Setting>(settingTable).flatMap(settingHelp),
  ]
}

/** What `divan <command> --help` prints. */
export function commandHelp(command: Command): readonly string[] {
  const options = inColumns(command.optionTexts)
  const lines = [`Usage: npx divan ${command.usage}`, '', `  ${command.text}`]
  return options.length === 0 ? lines : [...lines, '', ...options]
}

function settingHelp(setting: Setting): readonly string[] {
  const otherwise = setting.default ?? `unset: ${setting.unset}`
  return [
    `  ${setting.variable.padEnd(28)}${otherwise}`,
    ...wrapped(setting.text, WIDTH - 6).map(line => `      ${line}`),
  ]
}

function inColumns(rows: readonly (readonly [string, string])[]): string[] {
  return rows.flatMap(([left, right]) =>
    wrapped(right, WIDTH - TEXT_COLUMN).map(
      (line, index) => `  ${index === 0 ? left : ''}`.padEnd(TEXT_COLUMN) + line,
    ),
  )
}

/** The text as lines of at most so many characters, broken at spaces. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
