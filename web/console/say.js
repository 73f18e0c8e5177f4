// Two languages: every text of the console stands once, '中文|English', and is said in the one that was chosen.
const kept = localStorage.getItem('im.language');

export const english = kept ? kept === 'en' : false;
export const tag = english ? 'en' : 'zh-CN';

// The text in the language chosen; {name} stands for a value.
export function t(text, values = {}) {
    const [chinese, other = chinese] = String(text).split('|');
    return (english ? other : chinese).replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

// The other language; the page begins again, at the same place.
export function switchLanguage() {
    localStorage.setItem('im.language', english ? 'zh' : 'en');
    location.reload();
}

// Light, dark, or as the system is.
export const theme = () => localStorage.getItem('im.theme') || 'auto';

export function setTheme(wanted) {
    localStorage.setItem('im.theme', wanted);
    document.documentElement.dataset.theme = wanted;
}
