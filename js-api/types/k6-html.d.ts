declare module 'k6/html' {
  /** A selector, a set of nodes, or one of them. */
  type Query = string | Selection | Element;
  /** As jQuery's: the place within the set, and the node. */
  type Test = string | Selection | Element | ((index: number, element: Selection) => boolean);

  /** Nodes of a page, with jQuery's reading methods. A selector that cannot be read matches nothing. */
  export interface Selection {
    /** Where the page came from; empty after `parseHTML`. */
    readonly url: string;
    add(query: Query): Selection;
    attr(name: string): string | undefined;
    attr<D>(name: string, fallback: D): string | D;
    children(selector?: string): Selection;
    closest(query: Query): Selection;
    /** Children of all kinds, texts and comments included. */
    contents(): Selection;
    /** `data-*` attributes of the first node, with their types: `data-user-id="7"` is the number `userId`. */
    data(): Record<string, any>;
    data(name: string): any;
    each(callback: (index: number, element: Element) => void): Selection;
    /** The set this one was made from. */
    end(): Selection;
    eq(index: number): Selection;
    filter(test: Test): Selection;
    find(query: Query): Selection;
    /** The first that `find` would find. */
    single(query: Query): Selection;
    first(): Selection;
    get(): Element[];
    /** Negative places count from the end. */
    get(index: number): Element | undefined;
    has(query: Query): Selection;
    /** The first node's inner HTML. */
    html(): string | undefined;
    /** The place among its siblings, in the set of a selector, or of a node in this set; -1 = not there. */
    index(query?: Query): number;
    is(test: Test): boolean;
    last(): Selection;
    map<T>(callback: (index: number, element: Selection) => T): T[];
    next(selector?: string): Selection;
    nextAll(selector?: string): Selection;
    nextUntil(until?: Query, filter?: string): Selection;
    not(test: Test): Selection;
    parent(selector?: string): Selection;
    parents(selector?: string): Selection;
    parentsUntil(until?: Query, filter?: string): Selection;
    prev(selector?: string): Selection;
    prevAll(selector?: string): Selection;
    prevUntil(until?: Query, filter?: string): Selection;
    /** The values of a form, url-encoded. */
    serialize(): string;
    serializeArray(): { name: string; value: string | string[] | undefined }[];
    serializeObject(): Record<string, string | string[] | undefined>;
    siblings(selector?: string): Selection;
    size(): number;
    slice(start: number, end?: number): Selection;
    text(): string;
    toArray(): Selection[];
    /** The value of a form field; the chosen options of a `select multiple`. */
    val(): string | string[] | undefined;
  }

  export interface Attribute {
    readonly name: string;
    readonly value: string;
    readonly ownerElement: Element;
    prefix(): string;
    namespaceURI(): string;
    localName(): string;
  }

  /** One node. Everything is a method. What only some tags have is in `Elements`. */
  export interface Element {
    attributes(): Record<string, Attribute>;
    childElementCount(): number;
    childNodes(): Element[];
    children(): Element[];
    classList(): string[];
    className(): string | undefined;
    contains(other: Element): boolean;
    firstChild(): Element | undefined;
    firstElementChild(): Element | undefined;
    getAttribute(name: string): string | undefined;
    getAttributeNode(name: string): Attribute | undefined;
    getElementsByClassName(names: string): Element[];
    getElementsByTagName(tag: string): Element[];
    hasAttribute(name: string): boolean;
    hasAttributes(): boolean;
    hasChildNodes(): boolean;
    id(): string;
    innerHTML(): string;
    isDefaultNamespace(): boolean;
    isEqualNode(other: Element): boolean;
    isSameNode(other: Element): boolean;
    lang(): string | undefined;
    lastChild(): Element | undefined;
    lastElementChild(): Element | undefined;
    matches(selector: string): boolean;
    namespaceURI(): string;
    nextElementSibling(): Element | undefined;
    nextSibling(): Element | undefined;
    nodeName(): string;
    nodeType(): number | undefined;
    nodeValue(): string | undefined;
    ownerDocument(): Element | undefined;
    parentElement(): Element | undefined;
    parentNode(): Element | undefined;
    previousElementSibling(): Element | undefined;
    previousSibling(): Element | undefined;
    querySelector(selector: string): Element | undefined;
    querySelectorAll(selector: string): Element[];
    selection(): Selection;
    textContent(): string;
    toString(): string;
  }

  /** What elements have by tag: `(page.find('a').get(0) as Elements['a']).href()`. */
  export interface Elements {
    a: Element & {
      download(): string; referrerPolicy(): string; rel(): string; href(): string; target(): string; type(): string;
      accessKey(): string; hrefLang(): string; toString(): string; hash(): string; host(): string; hostname(): string;
      port(): string; username(): string; password(): string; origin(): string; pathname(): string;
      protocol(): string; relList(): string[]; search(): string; text(): string;
    };
    area: Element & {
      download(): string; referrerPolicy(): string; rel(): string; href(): string; target(): string; type(): string;
      accessKey(): string; hrefLang(): string; toString(): string; hash(): string; host(): string; hostname(): string;
      port(): string; username(): string; password(): string; origin(): string; pathname(): string;
      protocol(): string; relList(): string[]; search(): string; text(): string;
    };
    audio: Element & {
      autoplay(): boolean; controls(): boolean; loop(): boolean; muted(): boolean; preload(): string; src(): string;
      crossOrigin(): string | null; currentSrc(): string; defaultMuted(): boolean; mediaGroup(): string;
    };
    base: Element & {
      href(): string; target(): string;
    };
    blockquote: Element & {
      cite(): string;
    };
    button: Element & {
      form(): Element | undefined; labels(): Element[]; formAction(): string; formEnctype(): string;
      formMethod(): string; formNoValidate(): boolean; formTarget(): string; name(): string; accessKey(): string;
      autofocus(): boolean; disabled(): boolean; tabIndex(): number; type(): string; value(): string;
    };
    canvas: Element & {
      width(): number; height(): number;
    };
    data: Element & {
      value(): string;
    };
    datalist: Element & {
      options(): Element[];
    };
    del: Element & {
      cite(): string; datetime(): string;
    };
    embed: Element & {
      height(): string; width(): string; src(): string; type(): string;
    };
    fieldset: Element & {
      form(): Element | undefined; disabled(): boolean; name(): string; type(): string; elements(): Element[];
      validity(): undefined;
    };
    form: Element & {
      action(): string; name(): string; target(): string; enctype(): string; encoding(): string;
      acceptCharset(): string; autocomplete(): string; noValidate(): boolean; method(): string; elements(): Element[];
      length(): number;
    };
    iframe: Element & {
      allowfullscreen(): boolean; referrerPolicy(): string; height(): string; width(): string; name(): string;
      src(): string;
    };
    img: Element & {
      currentSrc(): string; sizes(): string; srcset(): string; alt(): string; crossOrigin(): string | null;
      height(): number; width(): number; isMap(): boolean; name(): string; src(): string; useMap(): string;
      referrerPolicy(): string;
    };
    input: Element & {
      form(): Element | undefined; labels(): Element[]; formAction(): string; formEnctype(): string;
      formMethod(): string; formNoValidate(): boolean; formTarget(): string; name(): string; tabIndex(): number;
      type(): string; disabled(): boolean; autofocus(): boolean; required(): boolean; value(): string;
      checked(): boolean; defaultChecked(): boolean; alt(): string; src(): string; height(): string; width(): string;
      accept(): string; autocomplete(): string; maxLength(): number; size(): number; pattern(): string;
      placeholder(): string; readonly(): boolean; min(): string; max(): string; defaultValue(): string;
      dirName(): string; accessKey(): string; multiple(): boolean; step(): string; list(): Element | undefined;
    };
    ins: Element & {
      cite(): string; datetime(): string;
    };
    keygen: Element & {
      form(): Element | undefined; labels(): Element[]; autofocus(): boolean; challenge(): string;
      disabled(): boolean; keytype(): string; name(): string; type(): string;
    };
    label: Element & {
      htmlFor(): string; control(): Element | undefined; form(): Element | undefined;
    };
    legend: Element & {
      accessKey(): string; form(): Element | undefined;
    };
    li: Element & {
      value(): number; type(): string;
    };
    link: Element & {
      crossOrigin(): string | null; referrerPolicy(): string; href(): string; hreflang(): string; media(): string;
      rel(): string; relList(): string[]; target(): string; type(): string;
    };
    map: Element & {
      name(): string; areas(): Element[]; images(): Element[];
    };
    meta: Element & {
      content(): string; name(): string; httpEquiv(): string;
    };
    meter: Element & {
      min(): number; max(): number; high(): number; low(): number; optimum(): number; labels(): Element[];
    };
    object: Element & {
      form(): Element | undefined; data(): string; height(): string; name(): string; type(): string;
      tabIndex(): number; typeMustMatch(): boolean; useMap(): string; width(): string;
    };
    ol: Element & {
      reversed(): boolean; start(): number; type(): string;
    };
    optgroup: Element & {
      disabled(): boolean; label(): string;
    };
    option: Element & {
      defaultSelected(): boolean; selected(): boolean; disabled(): boolean; form(): Element | undefined;
      index(): Element | undefined; label(): string; text(): string; value(): string;
    };
    output: Element & {
      htmlFor(): string; name(): string; type(): string; form(): Element | undefined; labels(): Element[];
      value(): string; defaultValue(): string;
    };
    param: Element & {
      name(): string; value(): string;
    };
    pre: Element & {
      name(): string; value(): string;
    };
    progress: Element & {
      max(): number; value(): number; position(): number; labels(): Element[];
    };
    q: Element & {
      cite(): string;
    };
    quote: Element & {
      cite(): string;
    };
    script: Element & {
      crossOrigin(): string; type(): string; src(): string; charset(): string; async(): boolean; defer(): boolean;
      noModule(): boolean; text(): string;
    };
    select: Element & {
      form(): Element | undefined; labels(): Element[]; autofocus(): boolean; disabled(): boolean;
      multiple(): boolean; name(): string; required(): boolean; tabIndex(): number; length(): number;
      options(): Element[]; selectedOptions(): Element[]; selectedIndex(): number; size(): number; type(): string;
      value(): string;
    };
    source: Element & {
      keySystem(): string; media(): string; sizes(): string; src(): string; srcset(): string; type(): string;
    };
    style: Element & {
      media(): string; type(): string;
    };
    table: Element & {
      sortable(): boolean; caption(): Element | undefined; tHead(): Element | undefined; tFoot(): Element | undefined;
      rows(): Element[]; tBodies(): Element[];
    };
    tbody: Element & {
      rows(): Element[];
    };
    td: Element & {
      colSpan(): number; rowSpan(): number; headers(): string; cellIndex(): number;
    };
    textarea: Element & {
      form(): Element | undefined; labels(): Element[]; type(): string; value(): string; defaultValue(): string;
      placeholder(): string; rows(): number; cols(): number; maxLength(): number; tabIndex(): number;
      accessKey(): string; readOnly(): boolean; required(): boolean; autocomplete(): string; autocapitalize(): string;
      wrap(): string; length(): number;
    };
    tfoot: Element & {
      rows(): Element[];
    };
    th: Element & {
      colSpan(): number; rowSpan(): number; headers(): string; cellIndex(): number; abbr(): string; scope(): string;
      sorted(): boolean;
    };
    thead: Element & {
      rows(): Element[];
    };
    time: Element & {
      datetime(): string;
    };
    title: Element & {
      text(): string;
    };
    tr: Element & {
      cells(): Element[]; rowIndex(): number; sectionRowIndex(): number;
    };
    track: Element & {
      kind(): string; src(): string; srclang(): string; label(): string; default(): boolean;
    };
    ul: Element & {
      type(): string;
    };
    video: Element & {
      autoplay(): boolean; controls(): boolean; loop(): boolean; muted(): boolean; preload(): string; src(): string;
      crossOrigin(): string | null; currentSrc(): string; defaultMuted(): boolean; mediaGroup(): string;
      poster(): string; height(): string; width(): string;
    };
  }

  /** Parses a page as browsers do: there is no text that cannot be read. */
  export function parseHTML(html: string): Selection;

  const html: { parseHTML: typeof parseHTML };
  export default html;
}
