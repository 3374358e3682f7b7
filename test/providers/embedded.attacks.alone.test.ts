import { folders } from '../../runner/engine/state.ts'
import { embedded } from '../../runner/providers/embedded/index.ts'
import { providersHere } from '../helpers/providers.ts'
import { attacks } from './attacks.ts'

const here = (await providersHere()).find(({ name }) => name === 'embedded')
attacks('embedded', home => embedded({ home, cache: folders().cache }), { why: here?.because })
