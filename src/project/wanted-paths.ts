/** Which paths of the project folder a model needs on the device. Pure. */
import type { Model } from '../compose/model.ts'
import { releasePathOf } from '../compose/project-path.ts'
import type { WantedPath } from './collect-files.ts'

export const wantedPaths = (model: Model): WantedPath[] => {
  const mounts = Object.entries(model.services).flatMap(([name, { volumes = [] }]) =>
    volumes.flatMap((mount, index) =>
      mount.type !== 'bind' || mount.source.startsWith('/')
        ? []
        : [
            {
              path: releasePathOf(mount.source) || '.',
              at: `services.${name}.volumes[${index}]`,
              mustExist: false,
              seed: mount['x-longshore']?.seed !== false,
            },
          ],
    ),
  )
  const configs = Object.entries(model.configs ?? {}).flatMap(([name, { file }]) =>
    typeof file === 'string' ? [{ path: releasePathOf(file), at: `configs.${name}`, mustExist: true, seed: true }] : [],
  )
  return [...mounts, ...configs]
}
