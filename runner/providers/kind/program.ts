// The program itself: that of the cache, which runs where the nodes' own do, or the user's.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { components } from '../../../fixtures/kubernetes/components.ts'
import { componentsFolder, contentsOf, folderName } from '../../components/cache.ts'
import { Unable } from '../../core/mistake.ts'

export const HOW_TO_GET = process.platform === 'linux' ? 'npx lab fetch kind' : 'brew install kind, or https://kind.sigs.k8s.io/docs/user/quick-start/'

export function kindProgram(cache: string): string {
  const fetched = join(componentsFolder(cache), folderName('kind'))
  if (process.platform === 'linux' && contentsOf(fetched, components.kind) !== undefined) return join(fetched, 'kind')
  const own = inPath('kind')
  if (own === undefined) throw new Unable(`there is no kind\n  mend it: ${HOW_TO_GET}`)
  return own
}

export function inPath(name: string): string | undefined {
  return (process.env['PATH'] ?? '').split(delimiter).filter(Boolean).map(folder => join(folder, name)).find(path => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
