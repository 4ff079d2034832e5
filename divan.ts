#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'
import type { CommandContext } from './commands/command.ts'
import { OperatorError } from './commands/operator-error.ts'
import { runCommand } from './commands/run-command.ts'

// Whoever read our output may be gone, with its terminal or its pipe; that must not keep us from closing in order.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const isTTY = process.stdout.isTTY === true
const mayPaint = isTTY && !process.env.NO_COLOR

const context: CommandContext = {
  environment: process.env,
  program: fileURLToPath(import.meta.url),
  terminal: {
    isTTY,
    columns: process.stdout.columns ?? 80,
    write: text => void process.stdout.write(text),
    paint: (style, text) => (mayPaint ? styleText(style, text) : text),
  },
  print: line => void process.stdout.write(`${line}\n`),
  warn: line => void process.stderr.write(`${line}\n`),
}

/** What somebody forgot to close must not keep a program from ending that has done its work. */
const LINGER_MS = 5000

try {
  process.exitCode = await runCommand(process.argv.slice(2), context)
} catch (error) {
  process.exitCode = 1
  if (error instanceof OperatorError) for (const line of error.lines) context.warn(`divan: ${line}`)
  else console.error(error)
}
setTimeout(() => process.exit(), LINGER_MS).unref()
