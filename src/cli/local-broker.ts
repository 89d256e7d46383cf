/** The broker on this machine, by the socket in its state folder. */
import { request } from 'node:http'
import { type BrokerStatus, brokerStatusSchema } from '../protocol/broker-status.ts'
import { LongshoreError } from '../protocol/reason.ts'

/** @throws LongshoreError broker-unreachable */
export const readBrokerStatus = (socketPath: string): Promise<BrokerStatus> =>
  new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const said = why[error.code ?? ''] ?? `the broker went away (${error.message})`
      reject(new LongshoreError('broker-unreachable', `${socketPath}: ${said}`, { cause: error }))
    }
    request({ socketPath, path: '/status', agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', fail)
      response.once('end', () => {
        try {
          resolve(brokerStatusSchema.parse(JSON.parse(Buffer.concat(chunks).toString())))
        } catch (error) {
          fail(error as Error)
        }
      })
    })
      .once('error', fail)
      .end()
  })

const why: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket; --state names the folder of the broker',
  ECONNREFUSED: 'no broker listens there',
  EACCES: 'this user may not use it',
}
