"""How the page of an archive looks: on a wide screen, on a phone, in the dark and on paper."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--text:#1c2430;--quiet:#566173;--line:#dde3ea;--soft:#f5f7fa;--page:#fff;--accent:#1f5fbf}
@media(prefers-color-scheme:dark){
:root{--text:#e4e8ee;--quiet:#9aa6b6;--line:#323b47;--soft:#1d232b;--page:#14181e;--accent:#8ab4f8}}
*{box-sizing:border-box}
body{font:16px/1.55 system-ui,sans-serif;max-width:64rem;margin:0 auto;padding:2rem 1rem 4rem;color:var(--text);
background:var(--page)}
h1{font-size:1.9rem;margin:0 0 .5rem}
h2{font-size:1.35rem;margin:3rem 0 .25rem;padding-top:1.25rem;border-top:2px solid var(--line)}
h3{font-size:1.05rem;margin:1.75rem 0 .25rem}
p{margin:.25rem 0 .75rem;max-width:46rem}
a{color:var(--accent)}
.quiet,small{color:var(--quiet);font-size:.875rem}
nav ul{list-style:none;margin:1.5rem 0 0;padding:0;display:grid;gap:.5rem;
grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}
nav a{display:block;padding:.6rem .8rem;border:1px solid var(--line);border-radius:.5rem;text-decoration:none}
nav small{display:block}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.35rem 1.25rem;margin:.75rem 0}
dt{color:var(--quiet)}
dd{margin:0;overflow-wrap:anywhere}
.facts{font-size:.875rem}
.record{padding:.75rem 1rem;background:var(--soft);border-radius:.5rem}
.wide{overflow-x:auto;border:1px solid var(--line);border-radius:.5rem}
table{border-collapse:collapse;width:100%;font-size:.875rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .7rem;border-bottom:1px solid var(--line)}
th{background:var(--soft);color:var(--quiet);font-weight:600;white-space:nowrap}
td{min-width:7rem;max-width:22rem;overflow-wrap:break-word}
tr:last-child td{border-bottom:0}
time{white-space:nowrap}
code{font-size:.9em;overflow-wrap:anywhere}
@media(max-width:44rem){
dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:.5rem}
.wide{border:0}
thead{display:none}
table,tbody,tr,td{display:block;max-width:none}
tr{margin-bottom:.75rem;padding:.25rem 0;background:var(--soft);border-radius:.5rem}
td{border:0;padding:.2rem 1rem}
td.none{display:none}
td::before{content:attr(data-label);display:block;color:var(--quiet);font-size:.8rem}}
@media print{nav{display:none}body{max-width:none;padding:0}.wide{overflow:visible}}
"""
