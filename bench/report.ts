import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { readResult } from './result/read-result.ts'
import { withSection } from './result/readme-section.ts'
import { resultMarkdown } from './result/result-markdown.ts'

/** Writes what a run left in a file into the benchmark's page; its pictures lie beside the file. */
const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('npm run bench:report -- <the file of --json>')
const page = join('bench', 'README.md')
const plotFolder = relative(dirname(page), dirname(file)).replaceAll('\\', '/')
const markdown = resultMarkdown(readResult(file), plotFolder)
writeFileSync(page, withSection(readFileSync(page, 'utf8'), markdown))
