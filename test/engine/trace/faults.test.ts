import { describe, expect, test } from 'vitest'
import { chosen } from '../../helpers/chosen.ts'
import { providersHere } from '../../helpers/providers.ts'
import { faults } from './faults.ts'
import { broken } from './broken.ts'

const provider = await chosen('embedded')
const why = (await providersHere()).find(({ name }) => name === 'embedded')?.because
if (why === undefined) await provider.prepare({ say: () => {} })

describe.skipIf(why !== undefined)(`what is said of the faults is so${why === undefined ? '' : ` (skipped: ${why})`}: an ordinary tool`, () => {
  for (const fault of faults) {
    const whole = 'arrives' in fault.truth
    test.concurrent(`${whole ? 'gets' : 'gets no'} answer: ${fault.name}`, async () => {
      await using network = await broken(provider, fault)
      expect(await network.answered()).toBe(whole)
    })
  }
})
