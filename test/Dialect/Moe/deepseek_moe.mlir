// RUN: moe-opt %s --verify-roundtrip
// The DeepSeekMoE gate (arXiv 2401.06066, eqs. 12-17) as the frontend hands it over.
moe.gate @deepseek_moe {
  moe.axis @token
  moe.axis @expert size 64
  moe.axis @device size 8 of @expert
  %alpha1 = moe.param "alpha1" = 1.0e-02 : tensor<f32>
  %alpha2 = moe.param "alpha2" = 5.0e-02 : tensor<f32>
  %logits = moe.input "logits" : tensor<?x64xf32, #moe.axes<token, expert>>
  %s = moe.softmax %logits over expert : tensor<?x64xf32, #moe.axes<token, expert>>
  %route = moe.topk %logits over expert : tensor<?x64xf32, #moe.axes<token, expert>> -> !moe.selection<[token], expert, route.slot, 6>
  %weight = moe.gather %s[%route] : tensor<?x64xf32, #moe.axes<token, expert>>, !moe.selection<[token], expert, route.slot, 6> -> tensor<?x6xf32, #moe.axes<token, route.slot>>
  %chosen = moe.chosen %route : !moe.selection<[token], expert, route.slot, 6> -> tensor<?x64xi1, #moe.axes<token, expert>>
  %mask = arith.extui %chosen : tensor<?x64xi1, #moe.axes<token, expert>> to tensor<?x64xi32, #moe.axes<token, expert>>
  %count = moe.reduce sum %mask over [token] : tensor<?x64xi32, #moe.axes<token, expert>> -> tensor<64xi32, #moe.axes<expert>>
  %countf = arith.sitofp %count : tensor<64xi32, #moe.axes<expert>> to tensor<64xf32, #moe.axes<expert>>
  %t = moe.size token : tensor<i32>
  %tf = arith.sitofp %t : tensor<i32> to tensor<f32>
  %e = arith.constant dense<64.0> : tensor<f32>
  %k = arith.constant dense<6.0> : tensor<f32>
  %kt = arith.mulf %k, %tf : tensor<f32>
  %eb = moe.broadcast %e : tensor<f32> to tensor<64xf32, #moe.axes<expert>>
  %ktb = moe.broadcast %kt : tensor<f32> to tensor<64xf32, #moe.axes<expert>>
  %f0 = arith.mulf %countf, %eb : tensor<64xf32, #moe.axes<expert>>
  %f = arith.divf %f0, %ktb : tensor<64xf32, #moe.axes<expert>>
  %P = moe.reduce mean %s over [token] : tensor<?x64xf32, #moe.axes<token, expert>> -> tensor<64xf32, #moe.axes<expert>>
  %fP = arith.mulf %f, %P : tensor<64xf32, #moe.axes<expert>>
  %sum = moe.reduce sum %fP over [expert] : tensor<64xf32, #moe.axes<expert>> -> tensor<f32>
  %l1 = arith.mulf %alpha1, %sum : tensor<f32>
  moe.loss "expert_balance" = %l1 : tensor<f32>
  %fd = moe.reduce mean %f over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %Pd = moe.reduce sum %P over [expert] to device : tensor<64xf32, #moe.axes<expert>> -> tensor<8xf32, #moe.axes<device>>
  %fPd = arith.mulf %fd, %Pd : tensor<8xf32, #moe.axes<device>>
  %sumd = moe.reduce sum %fPd over [device] : tensor<8xf32, #moe.axes<device>> -> tensor<f32>
  %l2 = arith.mulf %alpha2, %sumd : tensor<f32>
  moe.loss "device_balance" = %l2 : tensor<f32>
  %m = moe.reduce max %f over [expert] : tensor<64xf32, #moe.axes<expert>> -> tensor<f32>
  %one = arith.constant dense<1.0> : tensor<f32>
  %v = arith.subf %m, %one : tensor<f32>
  moe.metric "max_violation" = %v : tensor<f32>
  moe.output "weight" = %weight : tensor<?x6xf32, #moe.axes<token, route.slot>>
  moe.output "route" = %route : !moe.selection<[token], expert, route.slot, 6>
}
