import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import t from 'tap'
import ts from 'typescript'
import { PROJECT_FOLDER } from './fixtures/project-folder.ts'

/**
 * Executes the rules about who may import whom. A rule that is only written down is broken within a month.
 */

const root = PROJECT_FOLDER
const SHIPPED = ['divan.ts', 'commands', 'design-docs', 'server', 'bridge']
const MAX_LINES = 400
const FORBIDDEN_NAMES = ['index', 'utils', 'util', 'helpers', 'helper', 'common', 'manager', 'types', 'misc']

/** What the command line may know of the parts it starts. */
const ENTRY_POINTS = [
  'server/server.ts',
  'server/backup.ts',
  'server/auth/password.ts',
  'server/auth/token.ts',
  'bridge/bridge.ts',
  'bridge/dead-letters.ts',
  'bridge/mirror-of-user.ts',
  'bridge/postgres/embedded-postgres.ts',
  'bridge/rebuild/rebuild-mirror.ts',
  'bridge/watch/mirror-state.ts',
]

const KNOWN_TO_THE_ADAPTER = [
  'server/store/store.ts',
  'server/store/sequences.ts',
  'server/store/rev-tree/rev.ts',
  'server/couch/content/attachment-input.ts',
  'server/couch/databases/checked-database-name.ts',
  'server/couch/content/checked-doc-id.ts',
  'server/couch/content/doc-input.ts',
  'server/couch/content/rev.ts',
  'server/couch-error.ts',
]

const KNOWN_TO_OPS = ['server/store/store.ts', 'server/http/route.ts', 'server/http/request-meter.ts']

const KNOWN_TO_THE_ACCOUNTS = [
  'server/auth',
  'server/store/store.ts',
  'server/http/route.ts',
  'server/couch-error.ts',
]

type Source = {
  /** From the project's root, with `/`. */
  readonly path: string
  readonly text: string
  /** Files of the project, as paths. */
  readonly files: readonly string[]
  /** Packages by name, builtins of Node left out. */
  readonly packages: readonly string[]
}

type Rule = {
  readonly name: string
  readonly breaks: (source: Source) => readonly string[]
}

function tsFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.ts'))
    .map(file => posix.join(folder, file.replaceAll('\\', '/')))
}

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const names = ts.preProcessFile(text, true, true).importedFiles.map(file => file.fileName)
  const isFile = (name: string) => name.startsWith('.')
  return {
    path,
    text,
    files: names.filter(isFile).map(name => posix.join(posix.dirname(path), name)),
    packages: names.filter(name => !isFile(name) && !name.startsWith('node:')).map(packageName),
  }
}

function packageName(specifier: string): string {
  const [first = '', second] = specifier.split('/')
  return first.startsWith('@') ? `${first}/${second}` : first
}

function isIn(path: string, ...folders: readonly string[]): boolean {
  return folders.some(folder => path === folder || path.startsWith(`${folder}/`))
}

const isCommandLine = (path: string) => isIn(path, 'commands', 'divan.ts')

/** The file's text without its comments, so that a comment may name what code may not. */
function codeOf(text: string): string {
  const printer = ts.createPrinter({ removeComments: true })
  return printer.printFile(ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest))
}

const rules: readonly Rule[] = [
  {
    name: 'design-docs imports no package and nothing outside itself',
    breaks: ({ path, files, packages }) =>
      isIn(path, 'design-docs') ? [...packages, ...files.filter(file => !isIn(file, 'design-docs'))] : [],
  },
  {
    name: 'the server imports design-docs and itself',
    breaks: ({ path, files }) =>
      isIn(path, 'server') ? files.filter(file => !isIn(file, 'server', 'design-docs')) : [],
  },
  {
    name: 'the bridge imports design-docs and itself',
    breaks: ({ path, files }) =>
      isIn(path, 'bridge') ? files.filter(file => !isIn(file, 'bridge', 'design-docs')) : [],
  },
  {
    name: 'the command line imports the entry points of the parts, and design-docs',
    breaks: ({ path, files }) =>
      isCommandLine(path)
        ? files.filter(file => !isIn(file, 'commands', 'design-docs') && !ENTRY_POINTS.includes(file))
        : [],
  },
  {
    name: 'the store knows no HTTP: neither express nor zod, nor the folders above it',
    breaks: ({ path, files, packages }) =>
      isIn(path, 'server/store')
        ? [
            ...packages.filter(name => ['express', 'zod', 'cors'].includes(name)),
            ...files.filter(file =>
              isIn(file, 'server/http', 'server/auth', 'server/couch', 'server/server.ts'),
            ),
          ]
        : [],
  },
  {
    name: 'the PouchDB adapter knows the contract of the store, and of the protocol what a document may be',
    breaks: ({ path, files, packages }) =>
      isIn(path, 'server/pouchdb-adapter')
        ? [
            ...packages.filter(name => !['pouchdb-errors', 'pouchdb-utils'].includes(name)),
            ...files.filter(file => !isIn(file, 'server/pouchdb-adapter', ...KNOWN_TO_THE_ADAPTER)),
          ]
        : [],
  },
  {
    name: 'only server/http and the app file import express',
    breaks: ({ path, packages }) =>
      isIn(path, 'server/http', 'server/server.ts') ? [] : packages.filter(name => name === 'express'),
  },
  {
    name: 'what the operator asks for knows the contract of the store and the shape of a route, no protocol',
    breaks: ({ path, files }) =>
      isIn(path, 'server/ops') ? files.filter(file => !isIn(file, 'server/ops', ...KNOWN_TO_OPS)) : [],
  },
  {
    name: 'accounts know the contract of the store, the shape of a route and who is asking, no protocol',
    breaks: ({ path, files }) =>
      isIn(path, 'server/accounts')
        ? files.filter(file => !isIn(file, 'server/accounts', 'design-docs', ...KNOWN_TO_THE_ACCOUNTS))
        : [],
  },
  {
    name: 'what clients that cannot replicate call knows the contract of the store, and nothing of the protocol',
    breaks: ({ path, files }) =>
      isIn(path, 'server/sync')
        ? files.filter(file =>
            isIn(
              file,
              'server/couch',
              'server/ops',
              'server/pouchdb-adapter',
              'server/store/sqlite',
              'server/store/sharded',
              'server/server.ts',
            ),
          )
        : [],
  },
  {
    name: 'only the metrics of both processes import prom-client',
    breaks: ({ path, packages }) =>
      isIn(path, 'server/ops', 'bridge/watch') ? [] : packages.filter(name => name === 'prom-client'),
  },
  {
    name: 'only the bridge imports pg',
    breaks: ({ path, packages }) =>
      isIn(path, 'bridge') ? [] : packages.filter(name => name === 'pg' || name.startsWith('pg-')),
  },
  {
    name: 'the environment is read in divan.ts and commands/settings.ts alone',
    breaks: ({ path, text }) =>
      isIn(path, 'divan.ts', 'commands/settings.ts')
        ? []
        : (codeOf(text).match(/\bprocess\s*(\?\.|\.)\s*env\b|\benv\b[^\n]*from ['"]node:process/g) ?? []),
  },
]

/**
 * The part of the program a file belongs to: the folder below `server` and its like, or the file itself when
 * it lies directly in one of them, for a contract file may be known both above and below it.
 */
function partOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}

/** A way from a node back to itself, or undefined. */
function findCycle(graph: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] | undefined {
  const done = new Set<string>()
  function walk(node: string, way: readonly string[]): readonly string[] | undefined {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node]
    if (done.has(node)) return undefined
    for (const next of graph.get(node) ?? []) {
      const cycle = walk(next, [...way, node])
      if (cycle !== undefined) return cycle
    }
    done.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const cycle = walk(node, [])
    if (cycle !== undefined) return cycle
  }
  return undefined
}

function partsGraph(sources: readonly Source[]): ReadonlyMap<string, ReadonlySet<string>> {
  const graph = new Map<string, Set<string>>()
  for (const { path, files } of sources) {
    const from = partOf(path)
    const edges = graph.get(from) ?? new Set()
    for (const file of files) if (partOf(file) !== from) edges.add(partOf(file))
    graph.set(from, edges)
  }
  return graph
}

const sources = SHIPPED.flatMap(part => (part.endsWith('.ts') ? [part] : tsFiles(part))).map(readSource)
const everything = [...sources.map(source => source.path), ...tsFiles('test'), ...tsFiles('bench')]

for (const rule of rules) {
  t.test(rule.name, async t => {
    const broken = sources.flatMap(source => rule.breaks(source).map(what => `${source.path}: ${what}`))
    t.strictSame(broken, [])
  })
}

t.test('every import between files names a file that is there', async t => {
  const paths = new Set(sources.map(source => source.path))
  const missing = sources.flatMap(({ path, files }) =>
    files.filter(file => !paths.has(file)).map(file => `${path}: ${file}`),
  )
  t.strictSame(missing, [])
})

t.test('no folder imports, by any way round, a folder that imports it', async t => {
  t.equal(findCycle(partsGraph(sources))?.join(' -> '), undefined)
})

t.test('a cycle would be found', async t => {
  const graph = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['c'])],
    ['c', new Set(['b'])],
  ])
  t.strictSame(findCycle(graph), ['b', 'c', 'b'])
})

t.test('every package that is imported is a dependency that production installs', async t => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const installed = new Set([
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.optionalDependencies ?? {}),
  ])
  const missing = sources.flatMap(({ path, packages }) =>
    packages.filter(name => !installed.has(name)).map(name => `${path}: ${name}`),
  )
  t.strictSame(missing, [])
})

t.test('the lock file names no place to download from, and every package by its hash', async t => {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8')
  t.notMatch(text, /"resolved"/)
  const packages: Record<string, { readonly integrity?: unknown }> = JSON.parse(text).packages
  const unhashed = Object.entries(packages)
    .filter(([path, { integrity }]) => path !== '' && !/^sha512-/.test(String(integrity)))
    .map(([path]) => path)
  t.strictSame(unhashed, [])
})

t.test('files are named for what they hold', async t => {
  const forbidden = everything.filter(path =>
    FORBIDDEN_NAMES.includes(posix.basename(path).replace(/(\.d|\.test|\.pg\.test)?\.ts$/, '')),
  )
  t.strictSame(forbidden, [])
})

t.test(`no file is longer than ${MAX_LINES} lines`, async t => {
  // What a test expects, as a table in a file of its own, is as long as it is.
  const long = everything
    .filter(path => !isIn(path, 'test') || path.endsWith('.test.ts'))
    .map(path => ({ path, lines: readFileSync(join(root, path), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES)
  t.strictSame(long, [])
})
