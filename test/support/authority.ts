/** Certificates made by OpenSSL in a folder of the caller: good ones, and each kind of bad one. */
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'

export type Pem = { readonly key: string; readonly cert: string }

export type CertificateOptions = {
  /** name or IP address */
  readonly host?: string
  /** a URI that it is issued to besides */
  readonly uri?: string
  /** days from now */
  readonly fromDays?: number
  readonly untilDays?: number
}

export type Authority = {
  readonly cert: string
  readonly issue: (options?: CertificateOptions) => Promise<Pem>
}

const dayMs = 86_400_000

/** As OpenSSL wants it: YYYYMMDDHHMMSSZ. */
const date = (days: number): string =>
  new Date(Date.now() + days * dayMs).toISOString().replace(/[-:T]/g, '').replace(/\..*/, 'Z')

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** @param folder an empty one */
export const makeAuthorityIn = async (folder: string): Promise<Authority> => {
  const openssl = (...parameters: string[]): void =>
    void execFileSync('openssl', parameters, { cwd: folder, stdio: 'pipe' })
  const read = (file: string): Promise<string> => readFile(join(folder, file), 'utf8')
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=an authority', '-keyout', 'ca.key', '-out', 'ca.pem')
  const config = `[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\nprivate_key=ca.key\ncertificate=ca.pem\ndefault_md=sha256\npolicy=any\ncopy_extensions=copy\nunique_subject=no\n[any]\ncommonName=supplied\n`
  await Promise.all([
    writeFile(join(folder, 'config'), config),
    writeFile(join(folder, 'index'), ''),
    writeFile(join(folder, 'serial'), '01'),
  ])
  return {
    cert: await read('ca.pem'),
    issue: async ({ host = 'localhost', uri, fromDays = -1, untilDays = 2 } = {}) => {
      const names = `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}${uri === undefined ? '' : `,URI:${uri}`}`
      const name = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=${names}`]
      openssl('req', ...newKey, ...name, '-keyout', 'key.pem', '-out', 'request.pem')
      const dates = ['-startdate', date(fromDays), '-enddate', date(untilDays)]
      openssl('ca', '-batch', '-config', 'config', '-notext', ...dates, '-in', 'request.pem', '-out', 'cert.pem')
      return { key: await read('key.pem'), cert: await read('cert.pem') }
    },
  }
}
