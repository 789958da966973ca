#include "server/base/mapping.h"
#include "server/command.h"

int
main(int argc, char **argv)
{
	mapping_guard();
	return command_main(argc, argv);
}
