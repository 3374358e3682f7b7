// What a node is made of: the image that kind's release names, or one that LAB_KIND_IMAGE names.
import { execa } from 'execa'
import { KIND_NODE_IMAGE } from '../../../fixtures/kubernetes/components.ts'
import { Unable } from '../../core/mistake.ts'
import type { Progress } from '../../core/provider.ts'
import { hasImage } from '../docker/container.ts'
import type { Engine } from '../docker/engine.ts'

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
