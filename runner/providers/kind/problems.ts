// Why there can be no cluster here, and what mends each.
import { execa } from 'execa'
import { Unable } from '../../core/mistake.ts'
import type { Problem } from '../../core/provider.ts'
import { findEngine, type Engine } from '../docker/engine.ts'
import { problems as problemsOfEngine } from '../docker/problems.ts'
import { hasNodeImage } from './image.ts'
import { mayAll } from './privileged.ts'
import { HOW_TO_GET, inPath, kindProgram } from './program.ts'

export async function problems(cache: string): Promise<Problem[]> {
  const found = [...await program(cache), ...command(), POWERFUL]
  const engine = await problemsOfEngine()
  found.push(...engine)
  return engine.some(({ severity }) => severity === undefined) ? found : [...found, ...await privileged(findEngine())]
}

const POWERFUL: Problem = {
  severity: 'limit', what: "kind's nodes are privileged containers with a way out: root in one can become root of the engine's machine",
  mend: 'an engine in a virtual machine; other labs run on embedded',
}

async function program(cache: string): Promise<readonly Problem[]> {
  try {
    const path = kindProgram(cache)
    const { exitCode, all } = await execa(path, ['version'], { reject: false, all: true, stdin: 'ignore' })
    return exitCode === 0 ? [] : [{ what: `${path} does not run: ${all?.trim() ?? ''}`, mend: HOW_TO_GET }]
  } catch (error) {
    if (error instanceof Unable) return [{ what: 'there is no kind', mend: HOW_TO_GET }]
    throw error
  }
}

/** kind talks to the engine through it. */
function command(): readonly Problem[] {
  if (inPath('docker') !== undefined) return []
  return [{ what: 'there is no command `docker`, by which kind talks to the engine', mend: process.platform === 'linux' ? 'sudo apt-get install docker-cli, or docker.io where that is older than Debian 13' : 'install Docker Desktop' }]
}

async function privileged(engine: Engine): Promise<readonly Problem[]> {
  const { Components } = await engine.call<{ Components?: readonly { Name: string }[] | null }>('GET', '/version')
  if (Components?.some(({ Name }) => /podman/i.test(Name))) return [{ what: "the engine is Podman's, and kind is told here to use Docker's", mend: "Docker's engine, by DOCKER_HOST" }]
  // Without the image there is nothing to try it with.
  if (!await hasNodeImage(engine)) return []
  try {
    await mayAll(engine, {})
    return []
  } catch (error) {
    if (!(error instanceof Unable)) throw error
    return [{ what: `the engine starts no privileged container, as kind's nodes are: ${error.message}`, mend: 'use an engine that may, by DOCKER_HOST' }]
  }
}
