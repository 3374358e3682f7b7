// Before the page is drawn, so that nothing flashes. A page that is a file may have no storage.
(() => {
  try {
    const chosen = localStorage.getItem('hardway-theme')
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen
  } catch {}
})()
