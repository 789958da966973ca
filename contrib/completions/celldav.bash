# bash completion of celldav; made by tests/lint/commands.py
_celldav()
{
	local word=${COMP_WORDS[COMP_CWORD]} name= verb= i options
	local before=${COMP_WORDS[COMP_CWORD - 1]}

	case $before in
	-c | --config | --dir | --password-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return ;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c | --config) i=$((i + 1)) ;;
		-*) ;;
		*)	if [ -z "$name" ]; then
				name=${COMP_WORDS[i]}
			elif [ -z "$verb" ]; then
				verb=${COMP_WORDS[i]}
			fi ;;
		esac
	done
	case "$name $verb" in
	" ") options="init serve check user group app-password cell grant versions trash verify gc scrub stats clock backup restore" ;;
	"user ") options="add update passwd show list disable enable remove" ;;
	"group ") options="add remove list join leave" ;;
	"app-password ") options="add list revoke" ;;
	"cell ") options="create list show update remove import export" ;;
	"grant ") options="set list revoke" ;;
	"versions ") options="list restore" ;;
	"trash ") options="list restore empty" ;;
	"init "*) options="--dir --listen --public-url --admin --password-file" ;;
	"check "*) options="--print" ;;
	"user add"*) options="--password-file --email --display --role --quota" ;;
	"user update"*) options="--email --display --role --quota" ;;
	"user passwd"*) options="--password-file" ;;
	"user remove"*) options="--with-files" ;;
	"app-password add"*) options="--label" ;;
	"cell create"*) options="--owner --title --quota --root" ;;
	"cell update"*) options="--owner --title --quota" ;;
	"cell import"*) options="--at" ;;
	"cell export"*) options="--from" ;;
	"grant set"*) options="--from --until --as" ;;
	"trash restore"*) options="--name" ;;
	"trash empty"*) options="--before" ;;
	"scrub "*) options="--rate" ;;
	"clock "*) options="--reset" ;;
	"restore "*) options="--dir" ;;
	esac
	[[ $word == -* ]] && options+=" --config --json --quiet --help --version"
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	[ -n "$name" ] && [ ${#COMPREPLY[@]} -eq 0 ] &&
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _celldav celldav
