/** One page of a list: an array that knows how much there is besides. */
export class Page<T> extends Array<T> {
  /** Items on all pages. */
  total = 0
  /** Which page this is, from 1. */
  page = 1
  /** Items that a page has at most. */
  perPage = 0
  /** How many pages there are. */
  totalPages = 1

  /** What is made of it by `map` and the like is an array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  /** The page that an answer has. */
  static ofAnswer<T>(items: T[], headers: Headers): Page<T> {
    const page = new Page<T>()
    for (const item of items) page.push(item)
    const number = (name: string, otherwise: number) => Number(headers.get(name) ?? otherwise)
    page.total = number("x-total-count", items.length)
    page.page = number("x-page", 1)
    page.perPage = number("x-per-page", items.length)
    page.totalPages = number("x-total-pages", 1)
    return page
  }
}

/** Which page of a list. */
export interface PageParams {
  /** The page, from 1. */
  page?: number
  /** Items to a page, 1 to 100. */
  perPage?: number
}

/** Items to a page for who reads them all. */
const MOST_PER_PAGE = 100

/**
 * A list: `await` gives one page, and `for await` every item of this page and all that follow. The request is made when
 * it is waited for.
 */
export class List<T extends { id?: string }> implements PromiseLike<Page<T>>, AsyncIterable<T> {
  readonly #load: (paging: PageParams) => Promise<Page<T>>
  readonly #paging: PageParams
  #first?: Promise<Page<T>>

  constructor(paging: PageParams, load: (paging: PageParams) => Promise<Page<T>>) {
    this.#load = load
    this.#paging = paging
  }

  then<A = Page<T>, B = never>(
    onDone?: ((page: Page<T>) => A | PromiseLike<A>) | null,
    onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#first ??= this.#load(this.#paging)
    return this.#first.then(onDone, onFailed)
  }

  catch<B = never>(onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<Page<T> | B> {
    return this.then(undefined, onFailed)
  }

  finally(onEnd?: (() => void) | null): Promise<Page<T>> {
    return this.then().finally(onEnd)
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const perPage = this.#paging.perPage ?? MOST_PER_PAGE
    let before = new Set<string>()
    for (let number = this.#paging.page ?? 1; ; number++) {
      const page = await this.#load({ page: number, perPage })
      for (const item of page) {
        // What is new stands at the top, and moves the rest on to the next page while this one is read.
        if (item.id === undefined || !before.has(item.id)) yield item
      }
      if (number >= page.totalPages || page.length === 0) return
      before = new Set(page.flatMap((item) => item.id ?? []))
    }
  }
}
