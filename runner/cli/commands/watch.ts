import { session } from '../context.ts'
import { Usage } from '../../core/mistake.ts'
import { watch } from '../watching.ts'

export async function watchCommand(): Promise<number> {
  if (!process.stdout.isTTY || !process.stdin.isTTY) throw new Usage('`lab watch` needs a terminal; `lab check` judges once')
  return watch(await session())
}
