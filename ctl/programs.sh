# What the file programs says.

# served: the parts with routes; callers: those with a role in PostgreSQL; files: where all are built; and of each part
# processes_PART, secrets_PART and file_PART.
read_programs() {
    served='' callers='' files=''
    while read -r part path role count secrets; do
        case $part in '' | '#'*) continue ;; esac
        file=${libexec:-$made/${path%/*}}/${path##*/}
        files="$files $file"
        [ "$part" != - ] || continue
        eval "file_$part=\$file processes_$part=\$count secrets_$part=\$secrets"
        case $path in cgi-bin/*) served="$served $part" ;; esac
        case $role in im_*) callers="$callers $part" ;; esac
    done <"$share/programs"
}

check_programs() {
    for file in $files; do [ -x "$file" ] || die "$file is not built"; done
}

# PART
processes() { eval "say \"\${IM_PROCESSES_$1:-\$processes_$1}\""; }
