// The one recipe of a node's root filesystem: what is installed, and what is laid over it at each start.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOTFS = fileURLToPath(new URL('../../fixtures/rootfs/', import.meta.url))

export interface Recipe {
  /** A Debian suite. */
  readonly suite: string
  readonly packages: readonly string[]
  /** Changes whenever the installed part would. */
  readonly key: string
}

export function recipe(): Recipe {
  return readRecipe(readFileSync(join(ROOTFS, 'packages.txt'), 'utf8'))
}

export function readRecipe(text: string): Recipe {
  const lines = text.split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#'))
  const suite = lines.find(line => line.startsWith('suite:'))?.slice('suite:'.length).trim()
  if (suite === undefined) throw new Error('fixtures/rootfs/packages.txt has no line "suite: NAME"')
  const packages = lines.filter(line => !line.startsWith('suite:'))
  const key = createHash('sha256').update([suite, ...packages].join('\n')).digest('hex').slice(0, 12)
  return { suite, packages, key }
}

/** Base64 of path, mode and text of each file under fixtures/rootfs/files, each ended by a zero byte. */
export function overlaidFiles(): string {
  const root = join(ROOTFS, 'files')
  const parts = readdirSync(root, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => {
    const path = join(entry.parentPath, entry.name)
    // Git keeps just the one permission bit that matters here.
    const mode = (statSync(path).mode & 0o100) === 0 ? '644' : '755'
    return `${relative(root, path)}\0${mode}\0${readFileSync(path, 'utf8')}\0`
  })
  return Buffer.from(parts.join('')).toString('base64')
}
