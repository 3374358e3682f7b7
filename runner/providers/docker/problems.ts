// Why the engine can't give nodes here, and what mends each.
import { platform } from 'node:os'
import { Unable } from '../../core/mistake.ts'
import type { Problem } from '../../core/provider.ts'
import { limits, type EngineInfo } from './container.ts'
import { findEngine, hosts, Refused, Unreachable, type Engine } from './engine.ts'
import { isRootless } from './users.ts'
import { existsSync } from 'node:fs'

/** `exec` that takes over its stream, `none` as a log driver, labels as filters: what is asked of an engine. */
const OLDEST = '1.40'

interface Version {
  readonly ApiVersion?: string
  readonly Version?: string
  readonly Components?: readonly { readonly Name: string; readonly Version: string }[] | null
}

export async function problems(): Promise<Problem[]> {
  const all = hosts()
  if (all.every(host => host.startsWith('unix://') && !existsSync(host.slice('unix://'.length)))) return [noEngine(all)]
  let engine: Engine | undefined
  try {
    engine = findEngine()
    const [version, info] = await Promise.all([engine.call<Version>('GET', '/version'), engine.call<EngineInfo>('GET', '/info')])
    return judge(version, info)
  } catch (error) {
    if (error instanceof Unreachable) return [unreachable(engine?.host ?? '', error)]
    if (error instanceof Refused) return [{ what: `the engine at ${engine?.host} refused: ${error.message}`, mend: 'look at its log' }]
    if (error instanceof Unable) return [{ what: error.message, mend: 'unset DOCKER_HOST, or set it to a socket' }]
    throw error
  }
}

function noEngine(tried: readonly string[]): Problem {
  const where = `no engine's socket is there (${tried.join(', ')})`
  if (process.env['DOCKER_HOST']) return { what: where, mend: 'start the engine that DOCKER_HOST names, or unset it' }
  if (platform() !== 'linux') return { what: where, mend: 'start Docker Desktop, or: podman machine start' }
  return {
    what: where,
    mend: existsSync('/usr/bin/dockerd') || existsSync('/usr/sbin/dockerd') ? 'sudo systemctl start docker'
      : existsSync('/usr/bin/podman') ? 'systemctl --user start podman.socket' : 'sudo apt-get install docker.io',
  }
}

export function unreachable(host: string, { code, message }: Unreachable): Problem {
  if (code === 'EACCES') {
    return {
      what: `${host} is not for this user`,
      mend: 'sudo usermod -aG docker "$USER", then log in again; or DOCKER_HOST for an engine of your own (rootless Docker, Podman)',
    }
  }
  if (code === 'ECONNREFUSED' || code === 'ENOENT') {
    return { what: `nobody listens at ${host}`, mend: platform() === 'linux' ? 'sudo systemctl start docker' : 'start Docker Desktop' }
  }
  return { what: message, mend: 'docker info' }
}

/** Of what the engine says about itself. */
export function judge(version: Version, info: EngineInfo): Problem[] {
  const found: Problem[] = []
  const podman = version.Components?.some(({ Name }) => /podman/i.test(Name)) === true
  if (!podman && older(version.ApiVersion ?? '0', OLDEST)) {
    found.push({ what: `the engine is too old: its interface is ${version.ApiVersion}, ${OLDEST} is needed (Docker 19.03)`, mend: 'sudo apt-get install docker.io' })
  }
  if (info.OSType !== undefined && info.OSType !== 'linux') {
    found.push({ what: `the engine runs ${info.OSType} containers`, mend: 'switch Docker Desktop to Linux containers' })
  }
  if (info.KernelVersion !== undefined && older(info.KernelVersion, '5.11')) {
    found.push({
      what: `the engine's kernel is ${info.KernelVersion}: overlays in user namespaces need 5.11`,
      mend: 'use an engine on a newer system, by DOCKER_HOST',
    })
  }
  if (isRootless(info) && info.Driver === 'vfs') {
    found.push({ severity: 'limit', what: 'the engine copies whole images (driver vfs): each start takes seconds', mend: 'set its storage driver to overlay' })
  }
  const { memory, processes } = limits(info)
  const unlimited = [...(memory ? [] : ['memory']), ...(processes ? [] : ['processes'])]
  if (unlimited.length > 0) {
    found.push({
      severity: 'limit', what: `the engine can't limit the ${unlimited.join(' and the ')} of a container`,
      mend: 'a system with cgroup v2, and for a rootless engine controllers delegated to the user',
    })
  }
  return found
}

/** Compares leading numbers, as of 5.10.0-28-amd64. */
function older(version: string, than: string): boolean {
  const [a, b] = [version, than].map(text => text.split(/[.-]/).map(Number))
  for (const index of [0, 1]) {
    const [left = 0, right = 0] = [a?.[index], b?.[index]]
    if (left !== right) return left < right
  }
  return false
}

