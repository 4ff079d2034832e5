import type { Paint, Terminal } from '../command.ts'

/** The column at which times stand, and the widest line that still reads well. */
const TIME_COLUMN = 78
const MAX_WIDTH = 100
const BAR_WIDTH = 30

/** What the demo shows: headings, steps with their time, and one line of progress that is drawn over itself. */
export class Screen {
  readonly width: number
  readonly paint: Paint
  readonly #terminal: Terminal
  /** A progress is drawn on the current line. */
  #isDrawing = false
  #printedQuarters = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.paint = terminal.paint
    this.width = Math.min(terminal.isTTY ? terminal.columns : MAX_WIDTH, MAX_WIDTH)
  }

  line(text = ''): void {
    this.#endProgress()
    this.#terminal.write(`${text}\n`)
  }

  heading(text: string): void {
    this.line(`\n${this.paint('bold', text)}`)
  }

  /** A step that is done, with the time it took. */
  done(text: string, ms?: number | undefined): void {
    const time =
      ms === undefined ? '' : `${text.padEnd(TIME_COLUMN - 4).slice(text.length)}${timeText(ms).padStart(7)}`
    this.line(`  ${this.paint('green', '✓')} ${text}${this.paint('dim', time)}`)
  }

  failed(text: string): void {
    this.line(`  ${this.paint('bold', '✗')} ${text}`)
  }

  detail(text: string): void {
    this.line(`    ${this.paint('dim', text)}`)
  }

  /** On a terminal a bar that grows; elsewhere a line for each quarter but the last, which `done` tells. */
  progress(text: string, part: number, whole: number): void {
    const ratio = whole <= 0 ? 1 : Math.max(0, Math.min(part / whole, 1))
    if (this.#terminal.isTTY) this.#draw(`    ${bar(ratio)} ${text}`)
    else this.#printQuarter(text, Math.floor(ratio * 4))
  }

  #printQuarter(text: string, quarters: number): void {
    if (quarters <= this.#printedQuarters || quarters === 4) return
    this.#terminal.write(`    ${text}\n`)
    this.#printedQuarters = quarters
  }

  #draw(text: string): void {
    this.#terminal.write(`\r\u001b[2K${text.slice(0, this.#terminal.columns - 1)}`)
    this.#isDrawing = true
  }

  #endProgress(): void {
    if (this.#isDrawing) this.#terminal.write('\r\u001b[2K')
    this.#isDrawing = false
    this.#printedQuarters = 0
  }
}

function bar(ratio: number): string {
  const full = Math.round(ratio * BAR_WIDTH)
  return '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full)
}

/** A time as people read it. */
export function timeText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}
