// What a node is made of: the image that kind's release names, or one that LAB_KIND_IMAGE names, with a guard before its first program.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { execa } from 'execa'
import { KIND_NODE_IMAGE } from '../../../fixtures/kubernetes/components.ts'
import { Unable } from '../../core/mistake.ts'
import type { Progress } from '../../core/provider.ts'
import { hasImage } from '../docker/container.ts'
import { errorIn, type Engine } from '../docker/engine.ts'
import { tarOf } from './cluster.ts'

const GUARDED = 'hardway-kind'
const GUARD_AT = '/usr/local/lib/hardway/guard'

export function nodeImage(): string {
  return process.env['LAB_KIND_IMAGE'] || KIND_NODE_IMAGE
}

export async function hasNodeImage(engine: Engine): Promise<boolean> {
  return hasImage(engine, nodeImage())
}

/** By the command that kind would use: it knows about mirrors and who is logged in where. */
export async function pullNodeImage(engine: Engine, progress: Progress): Promise<void> {
  const [name = ''] = nodeImage().split('@')
  progress.say(`pulling ${name}`)
  const { exitCode, all } = await execa('docker', ['pull', '--quiet', nodeImage()], { env: { DOCKER_HOST: engine.host }, reject: false, all: true, stdin: 'ignore' })
  if (exitCode !== 0) throw new Unable(`could not pull ${name}: ${all?.trim().split('\n').at(-1) ?? ''}\n  mend it: go online once, or LAB_KIND_IMAGE for an image that is here`)
}

interface Image {
  readonly Id: string
  readonly Config: { readonly Entrypoint?: readonly string[] | null; readonly Cmd?: readonly string[] | null }
}

/**
 * The name of the node's image with the guard in it, made if the engine does not have it: all layers but one small one are shared. kind
 * starts whatever the image says, and nothing that it can be told of a node is there before the node's systemd is.
 */
export async function guardedImage(engine: Engine): Promise<string> {
  const { Id, Config } = await engine.call<Image>('GET', `/images/${nodeImage()}/json`)
  const guard = readFileSync(new URL('guard', import.meta.url), 'utf8')
  const name = `${GUARDED}:${createHash('sha256').update(`${Id}\n${guard}`).digest('hex').slice(0, 12)}`
  if (await hasImage(engine, name)) return name
  const lines = [
    `FROM ${nodeImage()}`,
    `COPY guard ${GUARD_AT}`,
    `ENTRYPOINT ${JSON.stringify([GUARD_AT, ...Config.Entrypoint ?? []])}`,
    // A new entry point takes it away.
    ...(Config.Cmd ? [`CMD ${JSON.stringify(Config.Cmd)}`] : []),
  ]
  const stream = tarOf([{ path: 'Dockerfile', mode: 0o644, text: lines.join('\n') }, { path: 'guard', mode: 0o755, text: guard }])
  const said = await text(await engine.open('POST', '/build', { query: { t: name, forcerm: 'true' }, stream }))
  const error = errorIn(said)
  if (error !== undefined) throw new Unable(`the engine did not make ${name} of ${nodeImage()}: ${error}`)
  return name
}
