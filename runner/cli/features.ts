import { COMPONENTS, isComponent } from '../core/components.ts'
import { FEATURES } from '../core/features.ts'
import type { Provider } from '../core/provider.ts'

/** The names that a lesson's `requires`, or an alternative's, may use: of kernel features and of components. */
export const featureNames: readonly string[] = [...Object.keys(FEATURES), ...COMPONENTS]

/** Those of them that nodes here have: features are tried, components are there or not. */
export async function nodesHave(provider: Provider, names: readonly string[], cache: string, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const [{ probeFeatures }, { fetched }] = await Promise.all([import('../engine/features.ts'), import('../components/cache.ts')])
  const features = await probeFeatures(provider, names.filter(name => !isComponent(name)), signal)
  return new Set([...features.filter(({ status }) => status === 'ok').map(({ name }) => name), ...fetched(cache)])
}
