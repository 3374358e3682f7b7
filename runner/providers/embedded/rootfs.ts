// The prepared root filesystem: made once by mmdebstrap, without installing anything on this system.
import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { execa } from 'execa'
import { Unable } from '../../core/mistake.ts'
import type { Progress } from '../../core/provider.ts'
import { recipe } from '../recipe.ts'
import { identity, ROOT_OWNER, type Identity } from './identity.ts'
import { startTime, thisHost } from './machine.ts'
import { readFileSync } from 'node:fs'

const MAKING_MS = 15 * 60_000
const WAIT_MS = 200

/** Where it is, whether or not it has been made. Files belong to root of a node, so it depends on the user's range. */
export function rootfs(cache: string): string {
  return join(cache, `rootfs-${recipe().key}-${identity().nodeRoot}`, 'root')
}

export async function makeRootfs(cache: string, progress: Progress): Promise<void> {
  const target = dirname(rootfs(cache))
  await othersMaking(target, progress)
  if (existsSync(target)) return
  const who = identity()
  const work = `${target}.making-${process.pid}-${startTime(process.pid)}`
  await mkdir(join(work, 'tools'), { recursive: true })
  try {
    progress.say('fetching mmdebstrap')
    await fetchTools(join(work, 'tools'))
    if (who.root) await chown(work, ROOT_OWNER, ROOT_OWNER)
    await make(work, who, progress)
    await remove(join(work, 'tmp'), who)
    await remove(join(work, 'tools'), who)
    await rename(work, target)
  } catch (error) {
    await remove(work, who)
    // Another start may have made it meanwhile: then there is nothing to complain about.
    if (!existsSync(target)) throw error
  }
}

/** Whoever makes the same at the moment is waited for: to make it twice takes twice as long, and twice the room. */
async function othersMaking(target: string, progress: Progress): Promise<void> {
  for (;;) {
    const names = await readdir(dirname(target)).catch(() => [])
    const [pid] = names.filter(name => name.startsWith(`${basename(target)}.`)).flatMap(makerOf)
    if (pid === undefined || existsSync(target)) return
    progress.say(`waiting for process ${pid}, which is making the root filesystem`)
    await pause(WAIT_MS)
  }
}

/** The process that makes it, if that is alive. */
function makerOf(name: string): readonly number[] {
  const [, pid, start] = /\.making-(\d+)-(\d+)$/.exec(name) ?? []
  return pid !== undefined && startTime(Number(pid)) === start ? [Number(pid)] : []
}

/** Taken out of its package into a folder of ours. Lists of packages are fetched too: this system's may be absent. */
export async function fetchTools(tools: string): Promise<void> {
  const apt = ['-o', `Dir::State::lists=${tools}/lists`, '-o', `Dir::Cache=${tools}/cache`, '-o', 'APT::Sandbox::User=']
  await mkdir(join(tools, 'lists/partial'), { recursive: true })
  await mkdir(join(tools, 'cache/archives/partial'), { recursive: true })
  const ran = { cwd: tools, stdin: 'ignore', reject: false, all: true } as const
  for (const argv of [['apt-get', ...apt, '-qq', 'update'], ['apt-get', ...apt, '-qq', 'download', 'mmdebstrap']]) {
    const [file = '', ...args] = argv
    const { exitCode, all } = await execa(file, args, ran)
    if (exitCode !== 0) throw new Unable(`\`${file} ${args.at(-1) === 'update' ? 'update' : 'download mmdebstrap'}\` failed: ${all.trim().split('\n').at(-1)}`)
  }
  const packaged = (await readdir(tools)).find(name => name.startsWith('mmdebstrap_'))
  if (packaged === undefined) throw new Unable('apt-get downloaded no mmdebstrap')
  await execa('dpkg-deb', ['-x', packaged, '.'], { cwd: tools })
}

async function make(work: string, who: Identity, progress: Progress): Promise<void> {
  const { suite, packages } = recipe()
  progress.say(`installing ${packages.length} packages of Debian ${suite} into a root filesystem`)
  const env = {
    // See lab.pl: a starter that is root has bound it where the lab's root can get at it.
    HW_WORK: who.root ? '/mnt' : work, HW_FOLDER: work,
    HW_SCRIPT: readFileSync(new URL('make-root.sh', import.meta.url), 'utf8'),
    // A mirror that is not named is mmdebstrap's own choice for the suite: the archive, its updates and its
    // security fixes. Documentation is left out: it is half of the size, and learners have a browser.
    HW_MAKE: `export TMPDIR=/mnt/tmp HOME=/mnt/tmp PATH=/mnt/tools/usr/bin:$PATH
      exec mmdebstrap --mode=root --format=directory --variant=minbase --include=${packages.join(',')} \\
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \\
        --dpkgopt='path-exclude=/usr/share/locale/*' ${suite} /mnt/root`,
  }
  const before = who.root ? ['unshare', '-m', '--propagation', 'private', 'sh', '-c', 'mount --bind "$HW_FOLDER" /mnt; exec "$@"', 'sh'] : []
  const outcome = Promise.withResolvers<boolean>()
  const born = Promise.withResolvers<number>()
  let stdout = ''
  let log = ''
  const running = thisHost.spawn(
    [...before, 'unshare', '-U', '-m', '-p', '-f', '--keep-caps', 'sh', '-c', `
      read -r pid _ </proc/self/stat; echo "born $pid"; read -r _
      exec setpriv --reuid 0 --regid 0 --clear-groups sh -c "$HW_SCRIPT"`],
    (stream, piece) => {
      if (stream === 'stdout') {
        stdout += piece.toString()
        const pid = /^born (\d+)$/m.exec(stdout)?.[1]
        if (pid !== undefined) born.resolve(Number(pid))
        const said = /^(made|failed)$/m.exec(stdout)?.[1]
        if (said !== undefined) outcome.resolve(said === 'made')
        return
      }
      log = (log + piece.toString()).slice(-20_000)
      const step = /^I: (.*)$/m.exec(piece.toString())?.[1]
      if (step !== undefined && !step.includes('tempdir')) progress.say(step.replace(/\.\.\.$/, ''))
    }, env)
  const timer = setTimeout(() => running.kill(), MAKING_MS)
  void running.ended.then(() => outcome.resolve(false))
  try {
    const pid = await Promise.race([born.promise, outcome.promise])
    if (typeof pid === 'number') {
      await who.map(pid)
      running.write('mapped\n')
    }
    const made = await outcome.promise
    running.end()
    await running.ended
    if (!made) throw new Unable(`mmdebstrap failed: ${lastError(log)}`)
  } finally {
    clearTimeout(timer)
    running.kill()
  }
}

function lastError(log: string): string {
  const lines = log.trim().split('\n')
  return (lines.findLast(line => line.startsWith('E: ')) ?? lines.at(-1) ?? 'it said nothing').replace(/^E: /, '')
}

/** What a killed run left in the cache. Removed if asked. */
export async function halfMade(cache: string, options: { readonly remove: boolean }): Promise<readonly string[]> {
  const names = await readdir(cache).catch(() => [])
  const dead = names.filter(name => name.includes('.making-') && makerOf(name).length === 0)
  if (options.remove) for (const name of dead) await remove(join(cache, name), identity())
  return dead.map(name => `half-made root filesystem ${join(cache, name)}`)
}

/** Files of a range of ours can be removed only by root of a user namespace that maps the range. */
async function remove(path: string, who: Identity): Promise<void> {
  if (who.root) return rm(path, { recursive: true, force: true })
  const born = Promise.withResolvers<number>()
  const running = thisHost.spawn(['unshare', '-U', '--keep-caps', 'sh', '-c',
    'echo "born $$"; read -r _; exec setpriv --reuid 0 --regid 0 --clear-groups rm -rf -- "$1"', 'sh', path],
  (stream, piece) => {
    const pid = /born (\d+)/.exec(piece.toString())?.[1]
    if (stream === 'stdout' && pid !== undefined) born.resolve(Number(pid))
  })
  const pid = await Promise.race([born.promise, running.ended.then(() => undefined)])
  if (pid === undefined) throw new Unable(`could not remove ${basename(path)}`)
  await who.map(pid)
  running.write('mapped\n')
  running.end()
  await running.ended
}
