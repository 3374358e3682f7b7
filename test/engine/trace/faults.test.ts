import { describe, expect, test } from 'vitest'
import { chosen } from '../../helpers/chosen.ts'
import { providersHere } from '../../helpers/providers.ts'
import { broken } from './broken.ts'
import { faults } from './faults.ts'
import { grade } from './grade.ts'

const provider = await chosen('embedded')
const why = (await providersHere()).find(({ name }) => name === 'embedded')?.because
if (why === undefined) await provider.prepare({ say: () => {} })

describe.skipIf(why !== undefined)(`lab trace names what is wrong${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
  test('it does not know three of them at most', () => expect(faults.filter(({ unnamed }) => unnamed).length).toBeLessThanOrEqual(3))

  for (const fault of faults) {
    test.concurrent(fault.name, async () => {
      await using network = await broken(provider, fault)
      expect(grade(fault, await network.trace())).toEqual({ grade: fault.unnamed === true ? 'unknown' : 'right' })
      // That the fault is one, and that a control is none, an ordinary tool has to say too.
      const arrives = 'arrives' in fault.truth
      expect(await network.answered(arrives)).toBe(arrives)
    })
  }
})
