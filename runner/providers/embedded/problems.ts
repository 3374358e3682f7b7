// Why nodes can't be namespaces of this host, found by trying, and what mends each.
import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Problem } from '../../core/provider.ts'
import { hierarchies } from './cgroups.ts'
import { grantedRange, identity, NO_RANGE, type Identity } from './identity.ts'
import { thisHost } from './machine.ts'
import { rootfs } from './rootfs.ts'

const OTHERWISE = 'or use Docker or Podman: npx lab start --provider docker'

export async function problems(cache: string): Promise<Problem[]> {
  if (process.platform !== 'linux') {
    return [{ what: `namespaces are a thing of Linux, and this is ${process.platform}`, mend: 'npx lab start --provider docker' }]
  }
  const found: Problem[] = []
  for (const [tool, from] of [['unshare', 'util-linux'], ['nsenter', 'util-linux'], ['setpriv', 'util-linux'], ['mount', 'mount'], ['grep', 'grep'], ['sed', 'sed'], ['perl', 'perl']] as const) {
    if (!has(tool)) found.push({ what: `${tool} is missing`, mend: `sudo apt-get install ${from}` })
  }
  const { username, uid } = userInfo()
  const root = uid === 0
  if (!root) found.push(...ranges(username, uid))
  if (has('unshare') && found.length === 0) found.push(...await userNamespaces(root))
  if (!existsSync(rootfs(cache))) {
    const missing = ['apt-get', 'dpkg-deb'].filter(tool => !has(tool))
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
  const said = await trial(identity())
  if (said === undefined) return []
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
  if (said.startsWith('opaque')) {
    return [{ what: 'this kernel keeps no user attributes in memory, which layered file systems need (Linux 6.6 and newer do)', mend: OTHERWISE.replace(/^or /, '') }]
  }
  if (said.startsWith('maps') && root) {
    return [{ what: `this root may give no user numbers away (${said.slice('maps: '.length)}): it is root of a container`, mend: 'start it outside of the container' }]
  }
  return [{ what: `namespaces can be made, and are of no use: ${said}`, mend: OTHERWISE.replace(/^or /, '') }]
}

/**
 * The beginning of lab.pl, in small: all namespaces, the maps of user numbers, the mounts. Where a
 * security module or a container restricts them, some can be made and then not used. What went wrong, if anything.
 */
async function trial(who: Identity): Promise<string | undefined> {
  const born = Promise.withResolvers<number>()
  let log = ''
  const running = thisHost.spawn(['unshare', '-U', '-m', '-p', '-n', '-u', '-i', '-C', '-f', '--keep-caps', 'sh', '-c', `
    read -r pid _ </proc/self/stat; echo "born $pid"; read -r _
    exec setpriv --reuid 0 --regid 0 --clear-groups sh -ec '
      mount -t tmpfs tmpfs /mnt
      cd /mnt
      mkdir -p lower/d upper work root proc sys
      mount -t proc proc proc
      mount -t sysfs sysfs sys
      : >lower/d/file
      mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr root
      { rm -r root/d && mkdir root/d && [ ! -e root/d/file ]; } 2>/dev/null || { echo opaque >&2; exit 1; }'`],
  (stream, piece) => {
    if (stream === 'stderr') log += piece.toString()
    const pid = stream === 'stdout' ? /^born (\d+)$/m.exec(piece.toString())?.[1] : undefined
    if (pid !== undefined) born.resolve(Number(pid))
  })
  const timer = setTimeout(() => {
    log += 'it did not end'
    running.kill()
  }, TRIAL_MS)
  try {
    const pid = await Promise.race([born.promise, running.ended.then(() => undefined)])
    if (pid !== undefined) {
      await who.map(pid)
      running.write('mapped\n')
    }
    running.end()
    if (await running.ended === 0) return undefined
    return log.trim().split('\n').find(line => !line.includes('dmesg(1)')) || 'nothing was said'
  } catch (error) {
    return `maps: ${(error as { stderr?: string }).stderr?.trim() || (error instanceof Error ? error.message : String(error))}`
  } finally {
    clearTimeout(timer)
    running.kill()
  }
}

/** As long as a start: a busy machine is no problem. */
const TRIAL_MS = 60_000

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
