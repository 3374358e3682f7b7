// Why nodes can't be namespaces of this host, found by trying, and what mends each.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'
import type { Problem } from '../../core/provider.ts'
import { hierarchies } from './cgroups.ts'
import { grantedRange, NO_RANGE } from './identity.ts'
import { rootfs } from './rootfs.ts'

const run = promisify(execFile)
const OTHERWISE = 'or use Docker or Podman: npx lab start --provider docker'

export async function problems(cache: string): Promise<Problem[]> {
  if (process.platform !== 'linux') {
    return [{ what: `namespaces are a thing of Linux, and this is ${process.platform}`, mend: 'npx lab start --provider docker' }]
  }
  const found: Problem[] = []
  for (const [tool, from] of [['unshare', 'util-linux'], ['nsenter', 'util-linux'], ['mount', 'mount'], ['perl', 'perl']] as const) {
    if (!has(tool)) found.push({ what: `${tool} is missing`, mend: `sudo apt-get install ${from}` })
  }
  const { username, uid } = userInfo()
  const root = uid === 0
  if (!root) found.push(...ranges(username, uid))
  if (has('unshare') && found.length === 0) found.push(...await userNamespaces(root))
  if (!existsSync(rootfs(cache))) {
    const missing = ['apt-get', 'dpkg-deb', 'perl'].filter(tool => !has(tool))
    if (missing.length > 0) {
      found.push({
        what: `the root filesystem is made by Debian's tools, and this system has no ${missing.join(', ')}`,
        mend: `use Docker or Podman: npx lab start --provider docker`,
      })
    }
  }
  if (found.length === 0 && hierarchies(root).length === 0) {
    found.push({
      severity: 'limit',
      what: 'no cgroup with the pids and memory controllers is yours: the memory of a node is not limited, its processes only by rlimit',
      mend: 'systemd-run --user --scope -p Delegate=yes npx lab start, on a system with systemd and cgroup v2',
    })
  }
  return found
}

function ranges(username: string, uid: number): Problem[] {
  const found: Problem[] = []
  if (!has('newuidmap') || !has('newgidmap')) {
    found.push({ what: 'newuidmap and newgidmap are missing', mend: `sudo apt-get install uidmap (${OTHERWISE})` })
  }
  const granted = ['/etc/subuid', '/etc/subgid'].every(file =>
    existsSync(file) && grantedRange(readFileSync(file, 'utf8'), username, uid) !== undefined)
  if (!granted) {
    found.push({
      what: NO_RANGE(username),
      mend: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`,
    })
  }
  return found
}

async function userNamespaces(root: boolean): Promise<Problem[]> {
  try {
    // A mount and a network namespace show that the user namespace comes with its capabilities: where AppArmor
    // restricts it, it can be made, and is of no use.
    await run('unshare', ['-U', '-r', '-m', '-n', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt'])
    return []
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) ?? String(error)
    if (sysctl('kernel/apparmor_restrict_unprivileged_userns') === '1' && !root) {
      return [{
        what: 'AppArmor keeps ordinary users from using user namespaces here (Ubuntu 23.10 and newer)',
        mend: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or start as root: sudo npx lab start (${OTHERWISE})`,
      }]
    }
    if (sysctl('kernel/unprivileged_userns_clone') === '0' && !root) {
      return [{ what: 'user namespaces are for root only here', mend: 'sudo sysctl kernel.unprivileged_userns_clone=1' }]
    }
    if (sysctl('user/max_user_namespaces') === '0') {
      return [{ what: 'no user namespaces are allowed here', mend: 'sudo sysctl user.max_user_namespaces=10000' }]
    }
    return [{ what: `a user namespace of no use: ${said}`, mend: OTHERWISE.replace(/^or /, '') }]
  }
}

function has(tool: string): boolean {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`.split(':').some(folder => folder !== '' && existsSync(`${folder}/${tool}`))
}

function sysctl(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, 'utf8').trim()
  } catch {
    return undefined
  }
}
