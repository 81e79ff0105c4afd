#include "core/plan/attention_plan.h"
