/**
 * One broker to a folder: a second would delete what the first has just written. The claim is a socket without a file, so it
 * ends with the process, however that ends.
 */
import { mkdir, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { diskFault } from '../../src/outbox/disk-fault.ts'
import { LongshoreError } from '../../src/protocol/reason.ts'

/** Makes the folder where there is none. Hands back what gives it up. @throws LongshoreError state-unusable, disk-full */
export const claimFolder = async (folder: string): Promise<() => Promise<void>> => {
  const place = await mkdir(folder, { recursive: true, mode: 0o700 })
    .then(() => stat(folder))
    .catch((error: unknown) => {
      throw diskFault(error, `the state folder ${folder}`)
    })
  // Only Linux has such sockets.
  if (process.platform !== 'linux') return async () => {}
  const server = createServer((socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new LongshoreError('state-unusable', `another broker uses the state folder ${folder}`, { cause })),
    )
    server.listen(`\0longshore-broker-${place.dev}-${place.ino}`, resolve)
  })
  server.unref()
  return () => new Promise((resolve) => server.close(() => resolve()))
}
