/** Where an engine is, as dockerode wants it. */
import type Docker from 'dockerode'
import { LongshoreError } from '../../src/protocol/reason.ts'

/** @throws LongshoreError config-invalid */
export const connectionOf = (engineUrl: string): Docker.DockerOptions => {
  if (engineUrl.startsWith('unix://')) return { socketPath: engineUrl.slice('unix://'.length) }
  const url = URL.canParse(engineUrl) ? new URL(engineUrl) : undefined
  if (url === undefined || !['http:', 'tcp:'].includes(url.protocol))
    throw new LongshoreError('config-invalid', `engine ${engineUrl} is not unix:///path, http:// or tcp://`, {
      path: 'engine',
    })
  return { protocol: 'http', host: url.hostname, port: url.port || 2375 }
}
