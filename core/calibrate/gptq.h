#pragma once
// GPTQ: a matrix is rounded column by column, and what a column's rounding does to the layer's output is made good, as
// far as it can be, by the columns that are still to be rounded.
//
// Paper     Frantar, Ashkboos, Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
//           Transformers", arXiv 2210.17323 (papers: gptq), and the authors' code, IST-DASLab/gptq
// Symbols   W (R, n) the matrix, X (n, N) what it multiplies over N calibration tokens, H = (2/N) X·Xᵀ, w and ŵ a column
//           before and after rounding, U the upper triangle with UᵀU = H⁻¹
// Aim       Σ‖(W − Ŵ)X‖² small, row by row: every row has the same H
// Equations H += λ·mean(diag H)·I, λ = .01; a column whose H_jj is 0 was never used: its weights become 0, its H_jj 1.
//           For i = 1 … n:  e = (w_i − ŵ_i) / U_ii,  W[:, i:] −= e·U[i, i:]                             (eq. 2 and 3, by
//           the Cholesky form of section 3.3); in blocks of 128 columns, what comes after a block is updated once.
// Rounding  RTN's (rtn.h), asym and clamped: a group's scale and zero are those of its weights as they stand when its
//           first column is reached.
// Differs   where groups are shorter than a block the authors' code looks at the weights as they stood at the block's
//           beginning; here they are as they stand. Scales are rounded to binary16 before codes are chosen, as they are
//           held. The order of columns is the matrix's own (no act-order). In fp64, where the authors have fp32.
// With H = I nothing is made good, and GPTQ is RTN.

#include <ATen/core/Tensor.h>

#include "core/methods/quantise/coded_rows.h"

namespace fovea {

struct GptqParams {
    double damping = .01;  // λ
    // Columns between two updates of all that follow: changes nothing but the time, where it is a multiple of the group
    // or the group one of it.
    std::int64_t block = 128;
};

// Codes of w (R, n) of any float type under hessian (n, n). Throws std::invalid_argument with one sentence where H is
// none: not finite, or with no inverse in spite of the damping.
CodedRows gptqRows(const at::Tensor& w, const at::Tensor& hessian, const RtnParams& rtn,
                   const GptqParams& params = {});

// tr((W − Ŵ) H (W − Ŵ)ᵀ): twice the mean over tokens of ‖(W − Ŵ)x‖².
double outputError(const at::Tensor& w, const at::Tensor& rounded, const at::Tensor& hessian);

} // namespace fovea
