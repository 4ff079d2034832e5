#!/usr/bin/env node
import { existsSync } from 'node:fs'

// What `npx divan` runs. npm links a command once, when it first meets the package, and remembers a package without one: a link to what
// is only built later would be missing for good.
const program = new URL('../dist/divan.js', import.meta.url)

if (existsSync(program)) await import(program.href)
else {
  console.error('divan: it is not built yet; first run: npm run build')
  process.exitCode = 1
}
