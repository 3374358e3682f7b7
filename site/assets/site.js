// Copy buttons, search, light and dark. The page reads as well without.
(() => {
  const root = document.body.dataset.root ?? ''

  for (const button of document.querySelectorAll('.copy')) {
    const say = text => {
      button.textContent = text
      setTimeout(() => { button.textContent = 'copy' }, 1500)
    }
    button.addEventListener('click', () => {
      const code = button.closest('figure')?.querySelector('code')
      if (!code) return
      // A page that is a file may not write to the clipboard: what is to be copied is selected instead.
      const select = () => {
        getSelection()?.selectAllChildren(code)
        say('selected')
      }
      if (navigator.clipboard) navigator.clipboard.writeText(code.textContent ?? '').then(() => say('copied'), select)
      else select()
    })
  }

  // A recorded packet, hop by hop: where it is in the drawing, and what it looks like there.
  for (const player of document.querySelectorAll('.trace-player')) {
    const items = [...player.querySelectorAll('.hops li')]
    const marks = [...player.querySelectorAll('.hop')]
    if (items.length === 0) continue
    let at = -1
    const said = document.createElement('span')
    said.setAttribute('role', 'status')
    const go = to => {
      at = Math.max(0, Math.min(items.length - 1, to))
      for (const [index, item] of items.entries()) {
        item.classList.toggle('at', index === at)
        marks[index]?.classList.toggle('at', index === at)
      }
      said.textContent = `hop ${at + 1} of ${items.length}: ${items[at]?.textContent ?? ''}`
    }
    const button = (text, by) => {
      const one = document.createElement('button')
      one.type = 'button'
      one.textContent = text
      one.addEventListener('click', () => go(at + by))
      return one
    }
    const controls = document.createElement('div')
    controls.className = 'player'
    controls.append(button('← back', -1), button('next hop →', 1), said)
    player.querySelector('.hops')?.before(controls)
  }

  document.getElementById('theme')?.addEventListener('click', () => {
    const element = document.documentElement
    const dark = element.dataset.theme ? element.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
    element.dataset.theme = dark ? 'light' : 'dark'
    try { localStorage.setItem('hardway-theme', element.dataset.theme) } catch {}
  })

  const input = document.getElementById('search_box')
  const list = document.getElementById('found')
  if (!input || !list || !window.hardwaySearch) return
  let search
  const hide = () => { list.hidden = true }
  input.addEventListener('input', () => {
    search ??= MiniSearch.loadJSON(window.hardwaySearch.index, window.hardwaySearch.options)
    const found = input.value.trim() === '' ? [] : search.search(input.value).slice(0, 12)
    list.replaceChildren(...(found.length > 0 ? found.map(entry) : [nothing()]))
    list.hidden = input.value.trim() === ''
  })
  function entry({ id, title, under }) {
    const link = document.createElement('a')
    link.href = root + id
    link.append(title)
    const small = document.createElement('span')
    small.textContent = under
    link.append(small)
    const item = document.createElement('li')
    item.append(link)
    return item
  }
  function nothing() {
    const item = document.createElement('li')
    item.className = 'none'
    item.textContent = 'nothing found'
    return item
  }
  // `/` begins a search, as on many a site; the arrows walk through what was found.
  document.addEventListener('keydown', event => {
    if (event.key === '/' && document.activeElement !== input && !event.ctrlKey && !event.metaKey) {
      event.preventDefault()
      input.focus()
    } else if (event.key === 'Escape') hide()
    else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !list.hidden) {
      const links = [...list.querySelectorAll('a')]
      const next = links.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : -1)
      event.preventDefault()
      if (next < 0) input.focus()
      else links[Math.min(next, links.length - 1)]?.focus()
    }
  })
  document.addEventListener('click', event => { if (!event.target.closest('.search')) hide() })
  list.addEventListener('click', hide)
})()
