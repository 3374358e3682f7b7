// Which user numbers nodes get, and who may write the maps. Root in a node is the second number of the range,
// the lab's first process the first: neither is root here, and neither is the user.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'
import { Unable } from '../../core/mistake.ts'

const run = promisify(execFile)

/**
 * As root no range has to be granted, so this is one that nobody has: above what distributions grant to users, who
 * could otherwise be a node's root, and above what systemd gives to containers.
 */
export const ROOT_OWNER = 0x7000_0000
const SIZE = 65_536

export interface Identity {
  readonly root: boolean
  /** The number on this host of a lab's first process. */
  readonly labRoot: number
  /** The number on this host of root in a node: who owns a prepared root filesystem. */
  readonly nodeRoot: number
  /** Writes the maps of the lab's user namespace. */
  map(pid: number): Promise<void>
}

export function identity(): Identity {
  if (process.getuid?.() === 0) {
    return {
      root: true, labRoot: ROOT_OWNER, nodeRoot: ROOT_OWNER + 1,
      map: async pid => {
        for (const kind of ['uid', 'gid']) await writeFile(`/proc/${pid}/${kind}_map`, `0 ${ROOT_OWNER} ${SIZE}\n`)
      },
    }
  }
  const { uid, gid, username } = userInfo()
  const uids = grantedRange(read('/etc/subuid'), username, uid)
  const gids = grantedRange(read('/etc/subgid'), username, uid)
  return {
    root: false, labRoot: uid, nodeRoot: uids ?? -1,
    map: async pid => {
      if (uids === undefined || gids === undefined) throw new Unable(NO_RANGE(username))
      // The kernel lets an ordinary user map only itself; these helpers are set-user-id and check /etc/subuid.
      await run('newuidmap', [`${pid}`, '0', `${uid}`, '1', '1', `${uids}`, `${SIZE - 1}`])
      await run('newgidmap', [`${pid}`, '0', `${gid}`, '1', '1', `${gids}`, `${SIZE - 1}`])
    },
  }
}

export const NO_RANGE = (name: string): string => `${name} has no ${SIZE} subordinate user and group numbers`

/** The first range of at least SIZE - 1 numbers for the user in the text of /etc/subuid or /etc/subgid. */
export function grantedRange(text: string, name: string, uid: number): number | undefined {
  for (const line of text.split('\n')) {
    const [who, first, count] = line.split(':')
    if ((who === name || who === String(uid)) && Number(count) >= SIZE - 1) return Number(first)
  }
  return undefined
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
