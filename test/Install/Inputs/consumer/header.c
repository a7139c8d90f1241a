/* The C interface, read by a C compiler. */
#include "moe/runtime.h"
#include <stdio.h>

int main(void) {
  printf("%s\n", moe_status_name(MOE_OK));
  return 0;
}
