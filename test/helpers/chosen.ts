import type { Provider } from '../../runner/core/provider.ts'
import { folders } from '../../runner/engine/state.ts'

/** A provider with the cache of this machine and a state folder of the test's own. */
export async function chosen(name: 'embedded' | 'docker', home = `/nonexistent/${process.pid}`): Promise<Provider> {
  const options = { home, cache: folders().cache }
  return name === 'embedded'
    ? (await import('../../runner/providers/embedded/index.ts')).embedded(options)
    : (await import('../../runner/providers/docker/index.ts')).docker(options)
}
