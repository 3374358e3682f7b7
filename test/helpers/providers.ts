// Which providers can be tested here. In CI each must be: there nothing is skipped for want of a provider.
import { chosen } from './chosen.ts'

export interface ProviderHere {
  readonly name: 'embedded' | 'docker'
  /** Why it is skipped. */
  readonly because: string | undefined
}

export async function providersHere(): Promise<readonly ProviderHere[]> {
  return Promise.all((['embedded', 'docker'] as const).map(async name => {
    const hard = (await (await chosen(name)).problems()).filter(({ severity }) => severity === undefined)
    if (hard.length > 0 && process.env['CI']) throw new Error(`${name} must work in CI: ${hard.map(({ what }) => what).join('; ')}`)
    return { name, because: hard[0]?.what }
  }))
}
