import type { Request, RequestOptions, Transport } from "../http.js"
import { List, Page, type PageParams } from "../pages.js"
import { toQuery } from "../wire.js"

/** What all resources do with the transport. */
export class Resource {
  readonly #transport: Transport

  constructor(transport: Transport) {
    this.#transport = transport
  }

  protected async request<T>(request: Request, options?: RequestOptions): Promise<T> {
    return (await this.#transport.send<T>(request, options)).data
  }

  /** Opens a stream. */
  protected open(request: Request, options?: RequestOptions): AsyncGenerator<Uint8Array> {
    return this.#transport.open(request, options)
  }

  /** Waits before that is done again, after so many failures in a row. */
  protected pause(failures: number, options?: RequestOptions): Promise<void> {
    return this.#transport.rest(failures, options)
  }

  protected read<T>(path: string, options?: RequestOptions): Promise<T> {
    return this.request({ method: "GET", path, repeatable: true }, options)
  }

  /** Makes something: done twice, it would be there twice. */
  protected make<T>(path: string, body: unknown, options?: RequestOptions): Promise<T> {
    return this.request({ method: "POST", path, body, repeatable: false }, options)
  }

  /** Does what may as well be done twice. */
  protected act<T>(path: string, body?: unknown, options?: RequestOptions): Promise<T> {
    return this.request({ method: "POST", path, body, repeatable: true }, options)
  }

  protected change<T>(path: string, body: unknown, options?: RequestOptions): Promise<T> {
    return this.request({ method: "PATCH", path, body, repeatable: true }, options)
  }

  protected async drop(path: string, options?: RequestOptions): Promise<void> {
    await this.request({ method: "DELETE", path, repeatable: true }, options)
  }

  protected pages<T extends { id?: string }>(path: string, params: PageParams = {}, options?: RequestOptions): List<T> {
    return new List<T>(params, async (paging) => {
      const query = toQuery({ ...params, ...paging })
      const { data, headers } = await this.#transport.send<T[]>(
        { method: "GET", path, query, repeatable: true },
        options,
      )
      return Page.ofAnswer(data, headers)
    })
  }
}
