/** A configuration as a pod has it: a ConfigMap, with a Secret of users and one of a certificate mounted below it. */
import { join } from 'node:path'
import { stringify } from 'yaml'
import { KubeletVolume } from './kubelet-volume.ts'

type Certificate = { readonly certificate: string; readonly key: string }

export class MountedConfiguration {
  readonly directory: string
  readonly #server: KubeletVolume
  readonly #users: KubeletVolume
  readonly #certificate: KubeletVolume

  constructor(directory: string) {
    this.directory = directory
    this.#server = new KubeletVolume(directory)
    this.#users = new KubeletVolume(join(directory, 'users'))
    this.#certificate = new KubeletVolume(join(directory, 'tls'))
  }

  async setServer(content: Record<string, unknown> | string): Promise<void> {
    await this.#server.write({ 'server.yaml': typeof content === 'string' ? content : stringify(content) })
  }

  async setUsers(content: readonly Record<string, unknown>[] | string): Promise<void> {
    await this.#users.write({ 'users.yaml': typeof content === 'string' ? content : stringify({ users: content }) })
  }

  async setCertificate({ certificate, key }: Certificate): Promise<void> {
    await this.#certificate.write({ 'tls.crt': certificate, 'tls.key': key })
  }
}
